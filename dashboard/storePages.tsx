import type { VNode } from 'preact';
import type { Cluster, PageTable, ServerCounts, StorePage } from '../cluster/index.js';
import { RoostError } from '../core/index.js';
import { StoreTables } from './page/storeTables.js';

/** The pages that the stores of a cluster bring, by path. */
export class StorePages {
  readonly #pages = new Map<string, { readonly page: StorePage<unknown>; readonly opened: unknown }>();

  constructor(cluster: Cluster) {
    for (const { store, opened } of cluster.opened)
      for (const page of store.pages ?? []) this.#pages.set(page.path, { page, opened });
  }

  has(path: string): boolean {
    return this.#pages.has(path);
  }

  /** Paths and titles, for the list of pages. */
  get links(): readonly (readonly [string, string])[] {
    return Array.from(this.#pages.values(), ({ page: { path, title } }) => [path, title] as const);
  }

  /** The metrics of all servers that they show. */
  get metrics(): readonly string[] {
    return Array.from(this.#pages.values(), ({ page }) => page.metrics ?? []).flat();
  }

  /** A store that is not set up says so in place of its tables. Throws what else the store throws. */
  async render(path: string, counts: () => Promise<ServerCounts>): Promise<VNode> {
    const { page, opened } = this.#pages.get(path)!;
    return <StoreTables tables={await tablesOf(page, opened, await counts())} />;
  }
}

async function tablesOf(
  page: StorePage<unknown>,
  opened: unknown,
  counts: ServerCounts,
): Promise<readonly PageTable[]> {
  try {
    return await page.view(opened, counts);
  } catch (error) {
    const { code, message } = RoostError.from(error);
    if (code !== 'FailedPrecondition' && code !== 'NotFound') throw error;
    return [{ title: page.title, columns: [], rows: [], empty: message }];
  }
}
