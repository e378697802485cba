import type { Deadline } from '../../core/index.js';
import { readById, readNodes, readStates } from '../storage/readEdges.js';
import { rankOf } from '../states.js';
import type { Term } from '../types.js';
import type { IdSource } from './idSource.js';
import type { EdgeReader } from '../edgeReader.js';

/** The edges of one node, as a set of ids. */
export async function termSource(reader: EdgeReader, term: Term, deadline: Deadline): Promise<IdSource> {
  const ranks = [...new Set(term.states.map((state) => rankOf[state]))];
  const node = reader.node(term);
  const probe = async (ids: readonly bigint[], within: Deadline): Promise<Set<bigint>> => {
    const states = await node.read(within, (session, tables, left) => readStates(session, tables, ids.map((id) => [term.sourceId, id] as const), left));
    return new Set(ids.filter((_, i) => ranks.includes(states.get(i) ?? -1)));
  };
  if (term.destinationIds !== undefined) return listSource(term.destinationIds, probe);
  const rows = await node.read(deadline, (session, tables, left) => readNodes(session, tables, [term.sourceId], left));
  return {
    estimate: ranks.reduce((sum, rank) => sum + (rows.get(0)?.counts[rank] ?? 0n), 0n),
    next: (beyond, rising, limit, within) => node.read(within, (session, tables, left) => readById(session, tables, term.sourceId, ranks, beyond, rising, limit, left)),
    probe,
  };
}

/** Some given ids, of which only those count that the node has edges to. */
function listSource(list: BigInt64Array, probe: IdSource['probe']): IdSource {
  const rising = BigInt64Array.from(new Set(list)).sort();
  const given = new Set(rising);
  return {
    estimate: BigInt(rising.length),
    async next(beyond, upwards, limit, deadline) {
      const ahead = [...rising].filter((id) => beyond === undefined || (upwards ? id > beyond : id < beyond));
      if (!upwards) ahead.reverse();
      const members = await probe(ahead, deadline);
      return ahead.filter((id) => members.has(id)).slice(0, limit);
    },
    probe: (ids, deadline) => probe(ids.filter((id) => given.has(id)), deadline),
  };
}
