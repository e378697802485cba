/** A page of anything, and the cursor of the next one: 0n at the end. */
interface Page {
  readonly nextCursor: bigint;
}

const firstPageCount = 250;
const maxPageCount = 5_000;

/**
 * Yields all pages in order, and fetches the next page while one is in use. Pages grow: most nodes have few edges,
 * and some have very many. A partial page counts as a page: its cursor goes on.
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
    // The caller may stop here, and then nobody awaits the page in flight.
    next?.catch(() => undefined);
    yield page;
  }
}
