import { inParallel, type Deadline } from '../core/index.js';
import type { Gizzard } from '../gizzard/index.js';
import type { Direction } from '../wire/index.js';
import { tableIdOf } from './graphs.js';

/** Trees counted concurrently. */
const atOnce = 4;

/** Rows of one direction of a graph: edges and nodes counted once each, and nodes over all replicas. */
export interface RowTotals {
  readonly edges: number;
  readonly nodes: number;
  readonly nodeCopies: number;
}

/** Asks one replica of each tree; reads node counters, not edges. */
export async function rowTotals(
  gizzard: Gizzard,
  graphId: number,
  direction: Direction,
  deadline: Deadline,
): Promise<RowTotals> {
  const total = { edges: 0, nodes: 0, nodeCopies: 0 };
  const routes = new Set(gizzard.topology.routes(tableIdOf(graphId, direction)));
  await inParallel(routes, atOnce, async (route) => {
    const counts = await gizzard.read(route, deadline, async (host, { shard }, left) => {
      const { tables } = gizzard.moves.movableType(shard.type);
      const counted = await Promise.all(
        tables.map(async (table) => [table.name, await table.count(host, shard, left)] as const),
      );
      return new Map(counted);
    });
    const nodes = counts.get('nodes') ?? 0;
    total.edges += counts.get('edges') ?? 0;
    total.nodes += nodes;
    total.nodeCopies += nodes * route.writable.length;
  });
  return total;
}
