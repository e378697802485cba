import { RoostError, type Deadline } from '../core/index.js';

/** Calls per list of items: enough to find several unreadable items among hundreds. */
const callsAtMost = 64;

/**
 * Reads items in one call. If the call fails for good, reads each half again, and so on, so that an unreadable item
 * gets an error of its own and does not fail the others. Retryable errors have been retried until the deadline, and
 * fail all items.
 */
export async function askInHalves<Item, Result>(
  items: readonly Item[],
  deadline: Deadline,
  send: (items: readonly Item[]) => Promise<readonly Result[]>,
): Promise<(Result | RoostError)[]> {
  let callsLeft = callsAtMost;
  const ask = async (some: readonly Item[]): Promise<(Result | RoostError)[]> => {
    callsLeft--;
    try {
      return [...(await send(some))];
    } catch (thrown) {
      const error = RoostError.from(thrown);
      if (some.length === 1 || error.retryable || callsLeft < 2 || deadline.passed)
        return Array.from(some, () => error);
      const middle = some.length >> 1;
      return [...(await ask(some.slice(0, middle))), ...(await ask(some.slice(middle)))];
    }
  };
  return ask(items);
}
