import { limits } from './limits.js';

/*
 * Long work is cut into turns of the event loop, so that nothing else that the process serves waits for the end of it. All pieces of long work share a turn: 40 parts of one call, each of
 * which takes little, hold up the loop no longer than one part that takes much.
 */

/** When this turn was first looked at. */
let beganMs: number | undefined;
const waiting: (() => void)[] = [];

function begin(): number {
  if (beganMs === undefined) {
    beganMs = performance.now();
    setImmediate(() => void next());
  }
  return beganMs;
}

const isOver = (): boolean => performance.now() - begin() >= limits.sliceMs;

/** Lets those go on that wait, first come first served, for as long as the turn has time. */
async function next(): Promise<void> {
  beganMs = undefined;
  while (waiting.length > 0 && !isOver()) {
    waiting.shift()!();
    // It goes on before this does.
    await Promise.resolve();
  }
}

/** To be awaited between steps of long work: goes on at once, or in a later turn of the event loop where this one has taken long enough. */
export function giveWay(): Promise<void> | undefined {
  if (waiting.length === 0 && !isOver()) return undefined;
  begin();
  return new Promise((resolve) => waiting.push(resolve));
}

/**
 * Works on one item after the other, in turns of the event loop, and returns the results in order. What `work` does before its first `await` is what holds up the loop; the rest of
 * several goes on side by side. Throws the first error, and begins no more work after it.
 */
export async function inTurns<T, R>(
  items: Iterable<T>,
  work: (item: T, place: number) => R | Promise<R>,
): Promise<R[]> {
  const results: (R | Promise<R>)[] = [];
  let failed = false;
  for (const item of items) {
    if (results.length > 0) {
      const rest = giveWay();
      if (rest !== undefined) await rest;
      if (failed) break;
    }
    const result = work(item, results.length);
    // Whatever fails while others are begun is thrown below.
    if (result instanceof Promise) result.catch(() => (failed = true));
    results.push(result);
  }
  return Promise.all(results);
}
