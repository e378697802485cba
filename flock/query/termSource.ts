import { rankOf } from '../states.js';
import { readById, readNodes, readPositions } from '../storage/readEdges.js';
import type { Term } from '../../wire/index.js';
import type { EdgeReader } from '../edgeReader.js';
import { compactId } from './compactId.js';
import { precedes, type IdSource } from './idSource.js';

/** The edges of one node, as a set of ids. */
export function termSource(reader: EdgeReader, term: Term): IdSource {
  const node = reader.node(term);
  const ranks = ranksOf(term);
  const label = `${term.direction === 'forward' ? 'from' : 'to'} ${term.sourceId} in ${term.graphId} (${term.states.join(', ')})`;
  const probe: IdSource['probe'] = async (ids, run) => {
    if (ids.length === 0) return new Set();
    const found = await node.read(run, 'probe', ids.length, (session, tables, left) =>
      readPositions(session, tables, term.sourceId, ids, left),
    );
    return new Set(
      found
        .filter(({ state, position }) => ranks.includes(state) && inRange(term, position))
        .map(({ id }) => compactId(id)),
    );
  };
  if (term.destinationIds !== undefined)
    return listSource(`${term.destinationIds.length} given ids ${label}`, term.destinationIds, probe);
  return {
    label,
    async estimate(run) {
      const [row] = await node.read(run, 'node', 1, async (session, tables, left) => [
        ...(await readNodes(session, tables, [term.sourceId], left)).values(),
      ]);
      return ranks.reduce((sum, rank) => sum + (row?.counts[rank] ?? 0n), 0n);
    },
    async next(beyond, rising, limit, run) {
      const ids = await node.read(run, 'scan', limit, (session, tables, left) =>
        readById(session, tables, term, ranks, beyond, rising, limit, left),
      );
      return { ids, through: ids.length < limit ? undefined : ids.at(-1) };
    },
    probe,
  };
}

export const ranksOf = ({ states }: Pick<Term, 'states'>): number[] => [
  ...new Set(states.map((state) => rankOf[state])),
];

const inRange = ({ minPosition, maxPosition }: Term, position: bigint): boolean =>
  (minPosition === undefined || position >= minPosition) && (maxPosition === undefined || position <= maxPosition);

/** The source of a term with given ids: those to which the node has edges. */
function listSource(label: string, list: BigInt64Array, probe: IdSource['probe']): IdSource {
  const upwards = [...new Set(Array.from(list, compactId))].sort((a, b) => (a < b ? -1 : 1));
  const downwards = upwards.toReversed();
  const given = new Set(upwards);
  return {
    label,
    estimate: () => Promise.resolve(BigInt(given.size)),
    async next(beyond, rising, limit, run) {
      const ahead = (rising ? upwards : downwards).filter((id) => beyond === undefined || precedes(beyond, id, rising));
      const members = await probe(ahead, run);
      const ids = ahead.filter((id) => members.has(id));
      return ids.length <= limit ? { ids, through: undefined } : { ids: ids.slice(0, limit), through: ids[limit - 1] };
    },
    probe: (ids, run) =>
      probe(
        ids.filter((id) => given.has(id)),
        run,
      ),
  };
}
