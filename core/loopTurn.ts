import { limits } from './limits.js';

/**
 * Long work is cut into turns of the event loop, so that it delays nothing else in the process. All long work shares
 * the time of a turn: 40 short parts of one call block the loop no longer than one long part.
 */

/** Start of the current turn. */
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

/** Resumes waiting work, first come first served, while the turn has time. */
async function next(): Promise<void> {
  beganMs = undefined;
  while (waiting.length > 0 && !isOver()) {
    waiting.shift()!();
    // The resumed work runs first.
    await Promise.resolve();
  }
}

/**
 * To await between the steps of long work: continues at once, or in a later turn of the event loop if this one has
 * taken long enough.
 */
export function giveWay(): Promise<void> | undefined {
  if (waiting.length === 0 && !isOver()) return undefined;
  begin();
  return new Promise((resolve) => waiting.push(resolve));
}

/**
 * Works on items in order, in turns of the event loop, and returns the results in order. Code before the first
 * `await` of `work` blocks the loop; the rest runs concurrently. Throws the first error, and starts nothing after it.
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
    // A failure during the start of further items is thrown below.
    if (result instanceof Promise) result.catch(() => (failed = true));
    results.push(result);
  }
  return Promise.all(results);
}
