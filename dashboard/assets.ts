import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** A file that pages load. `scripts/bundleDashboard.mjs` builds it. */
export interface Asset {
  readonly type: string;
  readonly body: Buffer;
  readonly gzipped: Buffer;
  /** Changes with the content. */
  readonly tag: string;
}

export const assetNames = ['main.js', 'page.css'] as const;
export type AssetName = (typeof assetNames)[number];

const types: Readonly<Record<AssetName, string>> = {
  'main.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
};

/** The assets beside this file, read once. A file that was not built is absent, and pages do without it. */
export function loadAssets(
  folder = new URL('./assets/', import.meta.url),
): Readonly<Partial<Record<AssetName, Asset>>> {
  return Object.fromEntries(
    assetNames.flatMap((name): [AssetName, Asset][] => {
      let body: Buffer;
      try {
        body = readFileSync(new URL(name, folder));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
      const tag = createHash('sha256').update(body).digest('base64url').slice(0, 16);
      return [[name, { type: types[name], body, gzipped: gzipSync(body, { level: 9 }), tag }]];
    }),
  );
}
