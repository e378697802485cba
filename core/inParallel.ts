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
      // While the source was awaited, work may have failed.
      if (failures.length > 0) break;
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
 * Works on items as `inParallel` does, and says how far all is finished: `reached` gets the answer of `work` for the
 * last item before which, itself included, all are finished, whenever there is a later one; its failure counts as one
 * of the work. Answers wait for slow items before them: they should be small, such as a place in a file.
 */
export async function inOrder<T, Place>(
  items: Iterable<T> | AsyncIterable<T>,
  atOnce: number,
  work: (item: T) => Promise<Place>,
  reached: (place: Place) => void | Promise<void>,
): Promise<void> {
  const started: { finished?: { readonly place: Place } }[] = [];
  await inParallel(items, atOnce, async (item) => {
    const own: (typeof started)[number] = {};
    started.push(own);
    own.finished = { place: await work(item) };
    let last: { readonly place: Place } | undefined;
    while (started[0]?.finished !== undefined) last = started.shift()!.finished;
    if (last !== undefined) await reached(last.place);
  });
}
