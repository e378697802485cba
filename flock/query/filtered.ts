import { precedes, type IdBatch, type IdSource } from './idSource.js';
import { Membership } from './membership.js';
import type { QueryRun } from './queryRun.js';

const minBatch = 256;
const maxBatch = 8_192;
/** A batch is made a little larger than the last one's yield asks for. */
const margin = 1.25;

/** Walks `driver` and keeps the ids whose membership in the other set is `keep`. `first` is the driver's beginning, beyond `beyond`. */
export async function walkFiltered(
  driver: IdSource,
  first: IdBatch,
  membership: Membership,
  keep: boolean,
  rising: boolean,
  limit: number,
  run: QueryRun,
): Promise<IdBatch> {
  const ids: bigint[] = [];
  let seen = 0;
  let batch = first;
  for (;;) {
    const members = await membership.of(batch.ids, run);
    for (const id of batch.ids) if (members.has(id) === keep) ids.push(id);
    seen += batch.ids.length;
    if (ids.length > limit) return { ids: ids.slice(0, limit), through: ids[limit - 1] };
    if (batch.through === undefined) return { ids, through: undefined };
    if (ids.length === limit || run.spent) return { ids, through: batch.through };
    const wanted = ((limit - ids.length) * seen * margin) / Math.max(ids.length, 1);
    batch = await driver.next(batch.through, rising, Math.min(maxBatch, Math.max(minBatch, Math.ceil(wanted))), run);
  }
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
        ? walkFiltered(a, ofA, new Membership(b, ofB, rising), true, rising, limit, run)
        : walkFiltered(b, ofB, new Membership(a, ofA, rising), true, rising, limit, run);
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
      return walkFiltered(left, ofLeft, new Membership(right, ofRight, rising), false, rising, limit, run);
    },
    async probe(ids, run) {
      const inLeft = await left.probe(ids, run);
      const inRight = await right.probe([...inLeft], run);
      return new Set([...inLeft].filter((id) => !inRight.has(id)));
    },
  };
}
