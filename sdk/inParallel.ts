/**
 * Runs tasks as they arrive, at most `atOnce` at a time. Ends when all have ended, or throws the first error once
 * none is running.
 */
export async function inParallel(
  tasks: Iterable<() => Promise<void>> | AsyncIterable<() => Promise<void>>,
  atOnce: number,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  for await (const task of tasks) {
    const run: Promise<void> = task()
      .catch((error: unknown) => void failures.push(error))
      .finally(() => running.delete(run));
    running.add(run);
    if (running.size >= atOnce) await Promise.race(running);
    if (failures.length > 0) break;
  }
  await Promise.all(running);
  if (failures.length > 0) throw failures[0];
}
