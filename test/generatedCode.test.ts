import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const committed = join(root, 'wire/gen');

/** Returns why the committed code cannot be generated again here; undefined if it can. */
function obstacle(): string | undefined {
  const written = /\((.+)\)/.exec(readFileSync(join(committed, 'FlockDB.js'), 'utf8'))?.[1];
  let version: string;
  try {
    version = execFileSync('thrift', ['--version'], { encoding: 'utf8' }).trim().replace('Thrift version ', '');
  } catch {
    return 'the Thrift compiler is missing (Debian package thrift-compiler)';
  }
  return version === written ? undefined : `wire/gen was made by Thrift ${written}, and this is ${version}`;
}

const why = obstacle();

it.skipIf(why !== undefined)(
  `wire/gen is what the IDL compiles to${why === undefined ? '' : `: skipped, ${why}`}`,
  () => {
    const fresh = mkdtempSync(join(tmpdir(), 'roost-gen-'));
    try {
      execFileSync(process.execPath, [join(root, 'scripts/gen.mjs'), fresh]);
      expect(readdirSync(fresh).sort()).toEqual(readdirSync(committed).sort());
      for (const file of readdirSync(fresh))
        expect(readFileSync(join(committed, file), 'utf8'), file).toBe(readFileSync(join(fresh, file), 'utf8'));
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  },
);
