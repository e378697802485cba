import type { CompactId } from './compactId.js';
import { precedes, type IdBatch, type IdSource } from './idSource.js';
import type { QueryRun } from './queryRun.js';
import { firstBatch, Walked, walkSideBySide } from './sideBySide.js';

/** Reads the beginnings of both sets. */
async function beginBoth(
  a: IdSource,
  b: IdSource,
  beyond: CompactId | undefined,
  rising: boolean,
  limit: number,
  run: QueryRun,
): Promise<[Walked, Walked]> {
  const count = firstBatch(limit);
  const [ofA, ofB] = await Promise.all([a.next(beyond, rising, count, run), b.next(beyond, rising, count, run)]);
  return [new Walked(a, rising, ofA), new Walked(b, rising, ofB)];
}

/** Whether the same number of rows reached further in `a`, which is then the sparser set. */
const reachesFurther = (a: IdBatch, b: IdBatch, rising: boolean): boolean =>
  a.through === undefined || (b.through !== undefined && precedes(b.through, a.through, rising));

/** The ids that are in both sets. Walks the sparser one, judged by the beginnings of both. */
export function intersection(a: IdSource, b: IdSource): IdSource {
  return {
    label: `(${a.label}) ∩ (${b.label})`,
    async estimate(run) {
      const [left, right] = await Promise.all([a.estimate(run), b.estimate(run)]);
      return left < right ? left : right;
    },
    async next(beyond, rising, limit, run) {
      const [walkedA, walkedB] = await beginBoth(a, b, beyond, rising, limit, run);
      const aIsSparser = reachesFurther(walkedA.batch, walkedB.batch, rising);
      return walkSideBySide(aIsSparser ? walkedA : walkedB, aIsSparser ? walkedB : walkedA, true, rising, limit, run);
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
      const [ofLeft, ofRight] = await beginBoth(left, right, beyond, rising, limit, run);
      return walkSideBySide(ofLeft, ofRight, false, rising, limit, run);
    },
    async probe(ids, run) {
      const inLeft = await left.probe(ids, run);
      const inRight = await right.probe([...inLeft], run);
      return new Set([...inLeft].filter((id) => !inRight.has(id)));
    },
  };
}
