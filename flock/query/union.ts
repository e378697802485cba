import { precedes, type IdSource } from './idSource.js';

/** The ids that are in any of the sets, which are read in parallel. */
export function union(sets: readonly IdSource[]): IdSource {
  return {
    label: sets.map(({ label }) => `(${label})`).join(' ∪ '),
    async estimate(run) {
      const estimates = await Promise.all(sets.map((set) => set.estimate(run)));
      return estimates.reduce((sum, each) => sum + each, 0n);
    },
    async next(beyond, rising, limit, run) {
      // The union's first `limit` ids lie within the first `limit` of each set.
      const batches = await Promise.all(sets.map((set) => set.next(beyond, rising, limit, run)));
      // Beyond the nearest end of the batches, ids of some set may be missing.
      const decided = batches.map(({ through }) => through).filter((through) => through !== undefined);
      const through =
        decided.length === 0
          ? undefined
          : decided.reduce((nearest, each) => (precedes(each, nearest, rising) ? each : nearest));
      const all = new Set(
        batches.flatMap(({ ids }) =>
          through === undefined ? ids : ids.filter((id) => !precedes(through, id, rising)),
        ),
      );
      const ids = [...all].sort((a, b) => (precedes(a, b, rising) ? -1 : 1));
      return ids.length <= limit ? { ids, through } : { ids: ids.slice(0, limit), through: ids[limit - 1] };
    },
    async probe(ids, run) {
      const found = await Promise.all(sets.map((set) => set.probe(ids, run)));
      return new Set(found.flatMap((members) => [...members]));
    },
  };
}
