import type { Acknowledgment, Direction, EdgeState, Flock, Operation, StateCounts } from '../../flock/index.js';
import type { Graph } from '../../sdk/index.js';

export interface LiveWrite {
  readonly source: bigint;
  readonly destination: bigint;
  readonly operation: Operation;
}

export type Pair = readonly [source: bigint, destination: bigint];

const writeDeadlineMs = 20_000;

/** One graph, as a load sees it. */
export interface LiveGraph {
  write(edges: readonly LiveWrite[], acknowledgment: Acknowledgment): Promise<void>;
  states(pairs: readonly Pair[]): Promise<readonly (EdgeState | undefined)[]>;
  /** Some destinations of a node's normal edges. */
  page(source: bigint): Promise<readonly bigint[]>;
  counts(direction: Direction, ids: readonly bigint[]): Promise<readonly StateCounts[]>;
}

const sources = (pairs: readonly Pair[]): BigInt64Array => BigInt64Array.from(pairs, ([source]) => source);
const destinations = (pairs: readonly Pair[]): BigInt64Array =>
  BigInt64Array.from(pairs, ([, destination]) => destination);

/**
 * Reaches the graph through servers inside this process; `flock` is called for each request, so that requests may
 * take turns among the servers.
 */
export const liveGraphOf = (flock: () => Flock, graphId: number): LiveGraph => ({
  async write(edges, acknowledgment) {
    const pairs = edges.map(({ source, destination }): Pair => [source, destination]);
    const writes = {
      graphId,
      operations: edges.map(({ operation }) => operation),
      sourceIds: sources(pairs),
      destinationIds: destinations(pairs),
    };
    await flock().write(writes, { acknowledgment, deadlineMs: writeDeadlineMs });
  },
  states: (pairs) => flock().states(graphId, sources(pairs), destinations(pairs)),
  async page(source) {
    const term = { graphId, sourceId: source, direction: 'forward', states: ['normal'] } as const;
    return [...(await flock().select({ kind: 'term', term }, { count: 50, cursor: -1n })).ids];
  },
  counts: (direction, ids) => flock().counts(graphId, direction, BigInt64Array.from(ids)),
});

/** Reaches the graph through a client, as an application does. */
export const liveGraphOfClient = (graph: Graph): LiveGraph => ({
  async write(edges, acknowledgment) {
    const options = { acknowledgment, deadlineMs: writeDeadlineMs };
    await Promise.all(
      edges.map(({ operation, source, destination }) => graph[operation](source, destination, options)),
    );
  },
  states: (pairs) => Promise.all(pairs.map(([source, destination]) => graph.state(source, destination))),
  page: async (source) => [...(await graph.from(source).page({ count: 50 })).ids],
  counts: (direction, ids) => graph.countsOfMany(ids, { direction }),
});
