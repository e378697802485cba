import { RoostError } from '../core/index.js';
import { shardKey, type ShardInfo, type Topology } from '../gizzard/index.js';
import type { WriteBatch } from '../wire/index.js';
import { tableIdOf } from './graphs.js';

/** The greatest id that a column of type INT UNSIGNED holds. */
const maxNarrowId = 2n ** 32n - 1n;

/** Tables with narrow columns in some shard, by topology. */
const narrowTables = new WeakMap<Topology, Map<number, boolean>>();

/**
 * Refuses ids that do not fit the columns of their shard, before they are journaled: such jobs could never be
 * applied. Throws `InvalidArgument`.
 */
export function checkIdsFit(topology: Topology, batch: WriteBatch): void {
  for (const write of batch) {
    if ('node' in write) {
      const { graphId, id, direction } = write.node;
      checkEnds(topology, tableIdOf(graphId, direction), id, undefined);
    } else {
      const { graphId, sourceIds, destinationIds } = write.edges;
      for (const [i, sourceId] of sourceIds.entries()) checkEdge(topology, graphId, sourceId, destinationIds[i]!);
    }
  }
}

function checkEdge(topology: Topology, graphId: number, sourceId: bigint, destinationId: bigint): void {
  if (sourceId <= maxNarrowId && destinationId <= maxNarrowId) return;
  checkEnds(topology, tableIdOf(graphId, 'forward'), sourceId, destinationId);
  checkEnds(topology, tableIdOf(graphId, 'backward'), destinationId, sourceId);
}

function checkEnds(topology: Topology, tableId: number, key: bigint, other: bigint | undefined): void {
  if ((key <= maxNarrowId && (other ?? 0n) <= maxNarrowId) || !isNarrow(topology, tableId)) return;
  for (const { shard, write } of topology.route(tableId, key).leaves) {
    if (write === 'ignore') continue;
    const tooLarge =
      key > maxNarrowId && narrow(shard.attributes['sourceType'])
        ? key
        : other !== undefined && other > maxNarrowId && narrow(shard.attributes['destinationType'])
          ? other
          : undefined;
    if (tooLarge === undefined) continue;
    const name = shardKey(shard.id);
    throw new RoostError(
      'InvalidArgument',
      `id ${tooLarge} is too large for shard ${name}, whose ids are INT UNSIGNED (at most ${maxNarrowId})`,
      { fields: { id: tooLarge, shard: name } },
    );
  }
}

function isNarrow(topology: Topology, tableId: number): boolean {
  let known = narrowTables.get(topology);
  if (known === undefined) narrowTables.set(topology, (known = new Map<number, boolean>()));
  let found = known.get(tableId);
  if (found === undefined) {
    const hasNarrow = ({ attributes }: ShardInfo): boolean =>
      narrow(attributes['sourceType']) || narrow(attributes['destinationType']);
    known.set(
      tableId,
      (found = topology.routes(tableId).some(({ leaves }) => leaves.some(({ shard }) => hasNarrow(shard)))),
    );
  }
  return found;
}

const narrow = (columnType: string | undefined): boolean => columnType?.toUpperCase() === 'INT UNSIGNED';
