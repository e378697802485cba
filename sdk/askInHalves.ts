import { RoostError, type Deadline } from '../core/index.js';

/** Calls for one list of items: enough for several that cannot be read among hundreds. */
const callsAtMost = 64;

/**
 * Reads some items in one call. Where that fails for good both halves are asked again, and so on: an item that cannot be read gets its error in its place, and takes nobody
 * along who happened to ask at the same time. What is worth a retry has had it until the deadline, and fails for all.
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
