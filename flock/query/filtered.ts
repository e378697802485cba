import type { CompactId } from './compactId.js';
import { precedes, type IdBatch, type IdSource } from './idSource.js';
import { Membership } from './membership.js';
import type { QueryRun } from './queryRun.js';

const minBatch = 128;
const maxBatch = 8_192;
/** A batch is made a little larger than the last one's yield asks for. */
const margin = 1.25;

/** Walks `driver` and keeps what `membership` keeps. `first` is the driver's beginning. */
async function walkFiltered(driver: IdSource, first: IdBatch, membership: Membership, rising: boolean, limit: number, run: QueryRun): Promise<IdBatch> {
  const kept: CompactId[] = [];
  let seen = 0;
  let batch = first;
  for (;;) {
    seen += batch.ids.length;
    // While this batch is decided, the next is on its way, if the yield so far says that it will be needed.
    const ahead = prefetch(driver, batch, kept.length, seen, rising, limit, run);
    await membership.filter(batch.ids, kept, run);
    if (kept.length > limit) return end(ahead, { ids: kept.slice(0, limit), through: kept[limit - 1] });
    if (batch.through === undefined) return end(ahead, { ids: kept, through: undefined });
    if (kept.length === limit || run.spent) return end(ahead, { ids: kept, through: batch.through });
    batch = await (ahead ?? driver.next(batch.through, rising, batchSize(limit - kept.length, kept.length, seen), run));
  }
}

/** How many of the driver's ids it takes to keep `wanted` more. */
const batchSize = (wanted: number, kept: number, seen: number): number => Math.min(maxBatch, Math.max(minBatch, Math.ceil((wanted * seen * margin) / Math.max(kept, 1))));

function prefetch(driver: IdSource, batch: IdBatch, kept: number, seen: number, rising: boolean, limit: number, run: QueryRun): Promise<IdBatch> | undefined {
  const before = seen - batch.ids.length;
  if (batch.through === undefined || before === 0 || run.spent) return undefined;
  const expected = kept + (kept / before) * batch.ids.length;
  return expected * margin >= limit ? undefined : driver.next(batch.through, rising, batchSize(limit - expected, kept, before), run);
}

/** A batch that is not needed after all must not end as an unhandled rejection. */
function end(ahead: Promise<IdBatch> | undefined, result: IdBatch): IdBatch {
  ahead?.catch(() => undefined);
  return result;
}

/** What both sides are asked for at first: most pages are done with it. */
const firstBatch = (limit: number): number => Math.min(maxBatch, Math.max(minBatch, limit * 2));

/** The ids that are in both sets. Walks the sparser one, as the beginnings of both show it. */
export function intersection(a: IdSource, b: IdSource): IdSource {
  return {
    label: `(${a.label}) ∩ (${b.label})`,
    async estimate(run) {
      const [left, right] = await Promise.all([a.estimate(run), b.estimate(run)]);
      return left < right ? left : right;
    },
    async next(beyond, rising, limit, run) {
      const [ofA, ofB] = await Promise.all([a.next(beyond, rising, firstBatch(limit), run), b.next(beyond, rising, firstBatch(limit), run)]);
      // The same number of rows reached further in the sparser set.
      const aIsSparser = ofA.through === undefined || (ofB.through !== undefined && precedes(ofB.through, ofA.through, rising));
      return aIsSparser
        ? walkFiltered(a, ofA, new Membership(b, ofB, rising, true), rising, limit, run)
        : walkFiltered(b, ofB, new Membership(a, ofA, rising, true), rising, limit, run);
    },
    async probe(ids, run) {
      return b.probe([...(await a.probe(ids, run))], run);
    },
  };
}

/** The ids that are in the left set and not in the right one. */
export function difference(left: IdSource, right: IdSource): IdSource {
  return {
    label: `(${left.label}) − (${right.label})`,
    estimate: (run) => left.estimate(run),
    async next(beyond, rising, limit, run) {
      const [ofLeft, ofRight] = await Promise.all([left.next(beyond, rising, firstBatch(limit), run), right.next(beyond, rising, firstBatch(limit), run)]);
      return walkFiltered(left, ofLeft, new Membership(right, ofRight, rising, false), rising, limit, run);
    },
    async probe(ids, run) {
      const inLeft = await left.probe(ids, run);
      const inRight = await right.probe([...inLeft], run);
      return new Set([...inLeft].filter((id) => !inRight.has(id)));
    },
  };
}
