import { Deadline } from '../../core/index.js';
import type { Leaf } from '../../gizzard/index.js';
import type { Timelines } from '../timelines.js';

const namesPerPage = 256;
/** The deadline of each step of a check. */
export const stepDeadlineMs = 60_000;

/** The names of timelines on any of some replicas, page by page. */
export async function* timelineNames(
  timelines: Pick<Timelines, 'listsAt'>,
  leaves: readonly Leaf[],
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly string[], void, undefined> {
  let after: string | undefined = '';
  while (after !== undefined) {
    signal?.throwIfAborted();
    const from: string = after;
    const pages = await Promise.all(
      leaves.map((leaf) => timelines.listsAt(leaf, Deadline.after(stepDeadlineMs)).names(from, namesPerPage)),
    );
    // After the last name of a full page, a replica may have more names that precede the others' last.
    const ends = pages.flatMap(({ next }) => next ?? []).sort(inBytes);
    const end: string | undefined = ends[0];
    const names = new Set(pages.flatMap((page) => page.names));
    yield [...names].filter((name) => end === undefined || inBytes(name, end) <= 0).sort(inBytes);
    after = end;
  }
}

const inBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
