/**
 * Works on items from a position on, several concurrently, started in order. `done` gets the position before which
 * all items are finished; it never decreases. After a failure no more items start. The first failure is thrown once
 * the work in flight has ended.
 */
export async function inOrder<T>(
  items: readonly T[],
  from: number,
  parallel: number,
  work: (item: T) => Promise<void>,
  done: (next: number) => Promise<void>,
): Promise<void> {
  let next = from;
  let finished = from;
  const ahead = new Set<number>();
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const at = next++;
      await work(items[at]!);
      ahead.add(at);
      while (ahead.delete(finished)) finished++;
      await done(finished);
    }
  };
  await Promise.all(
    Array.from({ length: parallel }, () => lane().catch((error: unknown) => void failures.push(error))),
  );
  if (failures.length > 0) throw failures[0];
}
