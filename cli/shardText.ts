import { type Gizzard, shardKey, type ShardId, type ShardInfo, type Topology } from '../gizzard/index.js';
import type { DrawnTree } from './console/drawTree.js';
import type { Output } from './console/output.js';

interface Tree {
  readonly shard: string;
  readonly type: string;
  readonly weight: number;
  readonly busy: ShardInfo['busy'];
  readonly children: readonly Tree[];
}

/** The tree below a shard, for people and `--json`. */
export const treeOf = (topology: Topology, id: ShardId, weight = 1): Tree => {
  const { type, busy } = topology.shard(id);
  return {
    shard: shardKey(id),
    type,
    weight,
    busy,
    children: topology.children(id).map((link) => treeOf(topology, link.child, link.weight)),
  };
};

export const drawn = (
  { shard, type, weight, busy, children }: Tree,
  output: Output,
  marked: ReadonlySet<string>,
): DrawnTree => ({
  label: `${type} ${marked.has(shard) ? output.bold(shard) : shard}${output.dim(`${weight === 1 ? '' : ` weight ${weight}`}${busy === 'normal' ? '' : ` ${busy}`}`)}`,
  children: children.map((child) => drawn(child, output, marked)),
});

export function rootsOf(topology: Topology, id: ShardId): ShardId[] {
  const parents = topology.parents(id);
  return parents.length === 0 ? [id] : parents.flatMap(({ parent }) => rootsOf(topology, parent));
}

export function describe(gizzard: Gizzard, id: ShardId) {
  const { topology } = gizzard;
  const shard = topology.shard(id);
  const { type, busy } = shard;
  return {
    shard: shardKey(id),
    type,
    attributes: shard.attributes,
    busy,
    parents: topology.parents(id).map(({ parent, weight }) => ({ shard: shardKey(parent), weight })),
    children: topology.children(id).map(({ child, weight }) => ({ shard: shardKey(child), weight })),
    forwardings: topology.state.forwardings
      .filter(({ shard }) => shardKey(shard) === shardKey(id))
      .map(({ tableId, baseId }) => ({ table: tableId, base: baseId })),
  };
}

/** Lists of entries, and values by name, on one line; `-` for none. */
export function text(value: unknown): string {
  if (Array.isArray(value))
    return (value as object[]).map((entry) => Object.values(entry).map(String).join(' · ')).join(', ') || '-';
  if (typeof value === 'object' && value !== null)
    return (
      Object.entries(value)
        .map(([name, each]) => `${name}=${String(each)}`)
        .join(', ') || '-'
    );
  return String(value) || '-';
}

export function printShards(gizzard: Gizzard, output: Output, shards: readonly ShardInfo[]): void {
  const rows = shards.map((shard) => ({
    shard: shardKey(shard.id),
    type: shard.type,
    attributes: shard.attributes,
    busy: shard.busy,
  }));
  rows.sort((a, b) => (a.shard < b.shard ? -1 : 1));
  output.result({ shards: rows }, () =>
    rows.length === 0
      ? 'none'
      : output.table(
          ['shard', 'type', 'attributes', 'busy'],
          rows.map((row) => [row.shard, row.type, text(row.attributes), row.busy]),
        ),
  );
}
