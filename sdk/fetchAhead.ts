/** A page of anything, and where the next one begins: 0n at the end. */
interface Page {
  readonly nextCursor: bigint;
}

const firstPageCount = 250;
const maxPageCount = 5_000;

/**
 * All pages in order; the next is fetched while one is being used. They grow, because most nodes have few edges and some have very many.
 * A partial page is a page like any other: its cursor goes on.
 */
export async function* fetchAhead<P extends Page>(
  fetch: (count: number, cursor: bigint) => Promise<P>,
): AsyncGenerator<P, void, undefined> {
  let count = firstPageCount;
  let next: Promise<P> | undefined = fetch(count, -1n);
  while (next !== undefined) {
    const page: P = await next;
    count = Math.min(count * 4, maxPageCount);
    next = page.nextCursor === 0n ? undefined : fetch(count, page.nextCursor);
    // The caller may stop here; then nobody waits for the page under way.
    next?.catch(() => undefined);
    yield page;
  }
}
