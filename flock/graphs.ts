import { RoostError } from '../core/index.js';
import { planShards, shardKey, type Change, type Topology } from '../gizzard/index.js';
import type { Direction, GraphInfo } from '../wire/index.js';

/** Spreads ids evenly over 60 bits, whatever their pattern. */
const graphHash = 'fnv1a64';
const namePattern = /^[A-Za-z][A-Za-z0-9_]{0,31}$/;
const maxShards = 10_000;
/** Leaves room for a number, a direction, a place and `_root` in a prefix of 54. */
const maxNameInPrefix = 20;

/** A graph's forward edges have its number as table id; its backward edges the negated number. */
export const tableIdOf = (graphId: number, direction: Direction): number =>
  direction === 'forward' ? graphId : -graphId;

export const ofTable = (tableId: number): { readonly graphId: number; readonly direction: Direction } => ({
  graphId: Math.abs(tableId),
  direction: tableId > 0 ? 'forward' : 'backward',
});

export const graphsOf = (topology: Topology): GraphInfo[] =>
  topology.tables
    .filter((table) => table.service === 'flock' && table.tableId > 0)
    .map((table) => ({ id: table.tableId, name: table.name }));

export function findGraph(topology: Topology, name: string): GraphInfo {
  const graphs = graphsOf(topology);
  const found = graphs.find((graph) => graph.name === name);
  if (found !== undefined) return found;
  const dropped = topology.tables.some((table) => table.name === name && table.service === 'dropped');
  if (dropped)
    throw new RoostError(
      'NotFound',
      `graph ${JSON.stringify(name)} was dropped; \`roost graph undrop ${name}\` brings it back while its tables are kept`,
      { fields: { graph: name } },
    );
  const known =
    graphs.length === 0
      ? 'there are none yet'
      : `there are ${graphs
          .slice(0, 20)
          .map((graph) => graph.name)
          .join(', ')}`;
  throw new RoostError('NotFound', `there is no graph ${JSON.stringify(name)}; ${known}`, { fields: { graph: name } });
}

/** Throws `NotFound` for an unknown graph, and `FailedPrecondition` for one with a gap in its key space. */
export function requireGraph(topology: Topology, graphId: number): void {
  for (const direction of ['forward', 'backward'] as const) {
    const tableId = tableIdOf(graphId, direction);
    if (!topology.tables.some((table) => table.tableId === tableId && table.service === 'flock')) {
      throw new RoostError('NotFound', `there is no graph ${graphId}`, { fields: { graph: graphId } });
    }
    if (!topology.covers(tableId))
      throw new RoostError(
        'FailedPrecondition',
        `graph ${graphId} has no forwarding for its lowest ${direction} keys`,
        { fields: { graph: graphId, table: tableId } },
      );
  }
}

export interface CreateGraphOptions {
  /** Shards in each direction. */
  readonly shards: number;
  /** Replicas of each shard, on as many hosts. */
  readonly replicas: number;
  /** Database hosts that the shards are spread over in turn. */
  readonly hosts: readonly string[];
  /** Absent: the next free number. */
  readonly id?: number;
}

/** The changes that create a graph: in both directions, shards of equal key ranges, each below a replicating root. */
export function planGraph(
  topology: Topology,
  name: string,
  options: CreateGraphOptions,
): { readonly graph: GraphInfo; readonly changes: Change[] } {
  const { shards, replicas, hosts } = options;
  if (!namePattern.test(name))
    throw invalid(
      `a graph's name must start with a letter and hold at most 32 letters, digits and _, not ${JSON.stringify(name)}`,
    );
  if (!Number.isInteger(shards) || shards < 1 || shards > maxShards)
    throw invalid(`shards must be an integer from 1 to ${maxShards}, not ${shards}`);
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > hosts.length) {
    throw invalid(
      `replicas must be an integer from 1 to ${hosts.length}, the number of database hosts, not ${replicas}`,
    );
  }
  const existing = graphsOf(topology);
  if (existing.some((graph) => graph.name === name))
    throw new RoostError('AlreadyExists', `there is a graph ${name} already`, { fields: { graph: name } });
  // Numbers of dropped graphs are not reused: jobs for them may still wait.
  const numbers = topology.tables
    .filter(({ service }) => service === 'flock' || service === 'dropped')
    .map(({ tableId }) => Math.abs(tableId));
  const id = options.id ?? Math.max(0, ...numbers) + 1;
  if (!Number.isInteger(id) || id < 1 || id > 2 ** 31 - 1)
    throw invalid(`a graph's number must be an integer from 1 to ${2 ** 31 - 1}, not ${id}`);
  const taken = topology.tables.find((table) => Math.abs(table.tableId) === id);
  if (taken !== undefined)
    throw new RoostError(
      'AlreadyExists',
      `number ${id} is taken by ${taken.name}${taken.service === 'dropped' ? ', which was dropped' : ''}`,
      { fields: { graph: id } },
    );

  const changes: Change[] = [];
  // Tables of a dropped graph of that name keep their names.
  const isTaken = topology.tables.some((table) => table.name === name);
  const prefixes = isTaken ? `${name.slice(0, maxNameInPrefix)}_${id}` : name;
  for (const direction of ['forward', 'backward'] as const)
    changes.push(
      ...planShards({
        table: { tableId: tableIdOf(id, direction), name, service: 'flock', hash: graphHash },
        shardType: 'flock',
        prefix: `${prefixes}_${direction}`,
        shards,
        replicas,
        hosts,
      }),
    );
  for (const change of changes)
    if (change.kind === 'createShard' && topology.hasShard(change.shard.id))
      throw new RoostError(
        'AlreadyExists',
        `there is a shard ${shardKey(change.shard.id)} already, which graph ${name} would need: give the graph another name`,
        { fields: { graph: name, shard: shardKey(change.shard.id) } },
      );
  return { graph: { id, name }, changes };
}

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);
