/**
 * Works on items as they arrive, at most `atOnce` at a time, started in order. Ends when all work has ended. After a
 * failure no more items start; the first error, of the work or of the source, is thrown once none is running.
 */
export async function inParallel<T>(
  items: Iterable<T> | AsyncIterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  let running = 0;
  let tellEnd: (() => void) | undefined;
  const oneEnds = (): Promise<void> => new Promise((resolve) => (tellEnd = resolve));
  const run = async (item: T): Promise<void> => {
    running++;
    try {
      await work(item);
    } catch (error) {
      failures.push(error);
    }
    running--;
    tellEnd?.();
  };
  try {
    for await (const item of items) {
      void run(item);
      if (running >= atOnce) await oneEnds();
      if (failures.length > 0) break;
    }
  } catch (error) {
    failures.push(error);
  }
  while (running > 0) await oneEnds();
  if (failures.length > 0) throw failures[0];
}

/**
 * Works on items as `inParallel` does. `reached` gets the last item before which, itself included, all are finished,
 * whenever there is a later one; its failure counts as one of the work.
 */
export async function inOrder<T>(
  items: Iterable<T> | AsyncIterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
  reached: (item: T) => void | Promise<void>,
): Promise<void> {
  const started: { readonly item: T; ended: boolean }[] = [];
  await inParallel(items, atOnce, async (item) => {
    const own = { item, ended: false };
    started.push(own);
    await work(item);
    own.ended = true;
    let last: typeof own | undefined;
    while (started[0]?.ended === true) last = started.shift();
    if (last !== undefined) await reached(last.item);
  });
}
