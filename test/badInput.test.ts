import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { limits, packIds } from '../core/index.js';
import {
  flockProcessor,
  openFlock,
  type Direction,
  type EdgeState,
  type EdgeWrites,
  type Flock,
  type Operation,
  type Query,
  type Term,
} from '../flock/index.js';
import { Metrics, silentLog } from '../process/index.js';
import { ThriftServer } from '../server/index.js';
import {
  ExecuteOperationType,
  PriorityNumber,
  queryToThrift,
  SelectOperationType,
  termToThrift,
  type FlockDBTypes,
  type RoostFlockModule,
} from '../wire/index.js';
import { Channel } from '../sdk/channel.js';
import type { GraphChannel } from '../sdk/graphChannel.js';
import { graphsService } from '../sdk/graph.js';
import { connect, type Graph as ClientGraph, type Roost } from '../sdk/index.js';
import { callRoost } from './callRoost.js';
import { untilApplied } from './flock/untilApplied.js';
import { freshCluster } from './support/index.js';

// The library, both services of the wire, the client and the command line refuse each line of the table: with a code
// and a reason, and without doing anything.

const { config, configPath } = freshCluster('bad_input');
const graphId = 1;
const noGraph = 99;
let flock: Flock;
let server: ThriftServer;
let channel: GraphChannel;
let roost: Roost;
let follows: ClientGraph;
let before: unknown;

const snapshot = async (): Promise<unknown> => {
  await untilApplied(flock);
  const ids = BigInt64Array.from({ length: 10 }, (_, i) => BigInt(i));
  return [await flock.nodes(graphId, 'forward', ids), await flock.nodes(graphId, 'backward', ids)];
};

beforeAll(async () => {
  flock = await openFlock(config, { create: true, work: true });
  await flock.createGraph('follows', { shards: 2, replicas: 1 });
  const metrics = new Metrics();
  server = await ThriftServer.listen({
    service: 'flock',
    host: '127.0.0.1',
    port: 0,
    processor: flockProcessor(flock, { metrics, log: silentLog }),
    metrics,
    log: silentLog,
  });
  channel = new Channel([{ host: '127.0.0.1', port: server.port }], graphsService);
  roost = await connect(`127.0.0.1:${server.port}`);
  follows = await roost.graph('follows');
  // The positions are equal, so that cursors name ids.
  await follows.write(
    Array.from({ length: 6 }, (_, i) => ({ source: 1, destination: i + 2, position: 5 })),
    { acknowledgment: 'materialized' },
  );
});

beforeEach(async () => {
  before = await snapshot();
});

afterAll(async () => {
  await roost.close();
  await channel.close();
  await server.close();
  await flock.close();
});

const rpc =
  <T>(call: (client: RoostFlockModule.Client) => Promise<T>) =>
  (): Promise<T> =>
    channel.call(call);
const cli =
  (...args: string[]) =>
  async (): Promise<never> => {
    const { exitCode, stdout, stderr } = await callRoost(
      [...args, '--config', configPath, '--server', `127.0.0.1:${server.port}`],
      '.',
    );
    expect(stdout).toBe('');
    // The exit code means wrong usage, InvalidArgument, NotFound or FailedPrecondition.
    expect([2, 10, 11, 13]).toContain(exitCode);
    throw new Error(stderr);
  };

const term = (change: Partial<Term> = {}): Term => ({
  graphId,
  sourceId: 1n,
  direction: 'forward',
  states: ['normal'],
  ...change,
});
const query = (change: Partial<Term> = {}): Query => ({ kind: 'term', term: term(change) });
const page = { count: 2, cursor: -1n };
const edge = (change: Partial<EdgeWrites> = {}): EdgeWrites => ({
  graphId,
  operations: 'add',
  sourceIds: BigInt64Array.of(3n),
  destinationIds: BigInt64Array.of(4n),
  ...change,
});
const mass = (change: object = {}) => ({
  graphId,
  id: 1n,
  direction: 'forward' as Direction,
  operation: 'archive' as Operation,
  ...change,
});
const simple = (change: Partial<Term> = {}): FlockDBTypes.SelectOperation[] => queryToThrift(query(change));
const operator = (type: number): FlockDBTypes.SelectOperation => ({ operation_type: type });
const { Intersection, Union, Difference } = SelectOperationType;
const program = (...operations: FlockDBTypes.SelectOperation[]) =>
  [
    rpc((client) => client.select2([{ operations, page }])),
    rpc((client) => client.select(operations, page)),
    rpc((client) => client.count2([operations])),
    rpc((client) => client.count(operations)),
    rpc((client) => client.select_page({ operations, page }, {})),
    rpc((client) =>
      client.select_pages(
        [
          { operations: simple(), page },
          { operations, page },
        ],
        {},
      ),
    ),
    rpc((client) => client.count_query(operations, {})),
    rpc((client) => client.explain({ operations, page }, {})),
  ] as const;
const execute = (...operations: { type?: number; destinations?: bigint[]; graph?: number; source?: bigint }[]) =>
  rpc((client) =>
    client.execute({
      operations: operations.map(({ type = ExecuteOperationType.Add, destinations, graph = graphId, source = 3n }) => ({
        operation_type: type,
        term: {
          source_id: source,
          graph_id: graph,
          is_forward: true,
          ...(destinations === undefined ? {} : { destination_ids: packIds(destinations) }),
        },
      })),
      priority: PriorityNumber.High,
    }),
  );
const wireEdge = {
  graph_id: graphId,
  operations: Buffer.of(1),
  source_ids: packIds([3n]),
  destination_ids: packIds([4n]),
};
const wireNode = { graph_id: graphId, id: 1n, is_forward: true, operation: ExecuteOperationType.Archive };
const pageOf =
  (change: object, of: Query = query()) =>
  () =>
    flock.select(of, { ...page, ...change });
const wirePage = (change: object) =>
  [
    rpc((client) => client.select2([{ operations: simple(), page: { ...page, ...change } }])),
    rpc((client) => client.select_edges([{ term: termToThrift(term()), page: { ...page, ...change } }])),
    rpc((client) => client.select_page({ operations: simple(), page: { ...page, ...change } }, {})),
    rpc((client) => client.select_edge_page({ term: termToThrift(term()), page: { ...page, ...change } }, {})),
  ] as const;
const lists = { graphId, direction: 'forward', states: ['normal'], count: 10 } as const;
const wireLists = { graph_id: graphId, is_forward: true, state_ids: [0], ids: packIds([1n]), count: 10 };
const tooMany = limits.edgesPerBatch + 1;
const manyColumn = new BigInt64Array(tooMany).fill(3n);
const numbers = BigInt64Array.from({ length: tooMany }, (_, i) => BigInt(i));

type Attempt = () => unknown;
const table: Record<string, { readonly says: RegExp; readonly attempts: readonly Attempt[] }> = {
  'a program of one operand': {
    says: /Need two sub-queries to do an intersection/,
    attempts: program(...simple(), operator(Intersection)),
  },
  'a program of no operand': {
    says: /Need two sub-queries to do a difference/,
    attempts: program(operator(Difference)),
  },
  'a program that leaves two': { says: /Left 2 items on the stack/, attempts: program(...simple(), ...simple()) },
  'a program of nothing': { says: /Left 0 items on the stack/, attempts: program() },
  'a program that is too long': {
    says: /256 terms/,
    attempts: program(
      ...Array.from({ length: 300 }, () => simple()[0]!),
      ...Array.from({ length: 299 }, () => operator(Union)),
    ),
  },
  'a program without a term': { says: /term is missing/, attempts: program(operator(SelectOperationType.SimpleQuery)) },
  'an expression that does not reduce': {
    says: /the query needs/,
    attempts: ['from(1) &', '(from(1)', 'from(1) from(2)', '&', ''].map((text) =>
      cli('flock', 'query', 'follows', text),
    ),
  },
  'an operation of queries that does not exist': {
    says: /Unknown operation 9|not "xor"|there is "\^/,
    attempts: [
      ...program(...simple(), ...simple(), operator(9)),
      pageOf({}, { kind: 'xor', left: query(), right: query() } as never),
      cli('flock', 'query', 'follows', 'from(1) ^ from(2)'),
    ],
  },
  'a write operation that does not exist': {
    says: /there is no operation|operation must be|unknown command/,
    attempts: [
      () => flock.write(edge({ operations: 'toString' as Operation })),
      () => flock.write(edge({ operations: ['follow'] as never })),
      () => flock.execute([{ edges: edge() }, { node: mass({ operation: 'follow' }) }]),
      execute({ destinations: [4n] }, { type: 9, destinations: [5n] }),
      execute({ destinations: [4n] }, { type: 0 }),
      rpc((client) => client.write_edges({ ...wireEdge, operations: Buffer.of(9) }, {})),
      rpc((client) =>
        client.write_batch(
          [{ edges: wireEdge }, { node: { ...wireNode, operation: 9 as FlockDBTypes.ExecuteOperationType } }],
          {},
        ),
      ),
      () => follows.write([[3, 4]], { operation: 'follow' as Operation }),
      cli('flock', 'follow', 'follows', '3', '4'),
    ],
  },
  'a state that does not exist': {
    says: /there is no edge state|The states are|needs normal, negative/,
    attempts: [
      pageOf({}, query({ states: ['lost' as EdgeState] })),
      () => flock.count(query({ states: ['normal', 'toString' as EdgeState] })),
      ...program({ ...simple()[0]!, term: { ...simple()[0]!.term!, state_ids: [7] } }),
      rpc((client) => client.select_edges([{ term: { ...simple()[0]!.term!, state_ids: [-1] }, page }])),
      () => flock.newest({ ...lists, states: ['lost' as EdgeState] }, BigInt64Array.of(1n)),
      rpc((client) => client.newest_edges({ ...wireLists, state_ids: [7] }, {})),
      cli('flock', 'page', 'follows', '1', '--states', 'lost'),
      cli('flock', 'query', 'follows', 'from(1, states=lost)'),
    ],
  },
  'a page of 0, −1 or 10⁹': {
    says: /count must be an integer from 1 to 10000|must be an integer from 1 to 10000|may ask for .* entries together/,
    attempts: [0, -1, 1e9].flatMap((count) => [
      pageOf({ count }),
      pageOf({ count }, { kind: 'union', left: query(), right: query() }),
      () => flock.selectEdges(term(), { ...page, count }),
      // A FlockDB client that asks for more gets as much as a page holds.
      ...wirePage({ count }).slice(count === 1e9 ? 2 : 0),
      () => flock.newest({ ...lists, count }, BigInt64Array.of(1n)),
      rpc((client) => client.newest_edges({ ...wireLists, count }, {})),
      () => follows.newestOfMany([1], count),
      () => follows.from(1).page({ count }),
      () => follows.from(1).edgePage({ count }),
      () => follows.from(1).explain({ count }),
      cli('flock', 'page', 'follows', '1', '--count', String(count)),
    ]),
  },
  'a cursor that is none': {
    says: /cursor/,
    attempts: [
      pageOf({ cursor: 0n }),
      pageOf({ cursor: 2n ** 63n }),
      pageOf({ cursor: -(2n ** 63n) }),
      pageOf({ cursor: 5 as unknown as bigint }),
      rpc((client) => client.select_page({ operations: simple(), page: { count: 2, cursor: 0n } }, {})),
      () => follows.from(1).page({ cursor: 2n ** 63n }),
      () => follows.from(1).page({ cursor: 'next' }),
      cli('flock', 'page', 'follows', '1', '--cursor', 'next'),
      cli('flock', 'page', 'follows', '1', '--cursor', '0'),
    ],
  },
  'a cursor of another query': {
    says: /another query/,
    attempts: [
      async () =>
        flock.select(query({ sourceId: 2n }), { count: 2, cursor: (await flock.select(query(), page)).nextCursor }),
      rpc(async (client) =>
        client.select_page(
          {
            operations: simple({ sourceId: 2n }),
            page: { count: 2, cursor: (await client.select_page({ operations: simple(), page }, {})).next_cursor },
          },
          {},
        ),
      ),
      rpc(async (client) =>
        client.select2([
          {
            operations: simple({ sourceId: 2n }),
            page: { count: 2, cursor: (await client.select_page({ operations: simple(), page }, {})).next_cursor },
          },
        ]),
      ),
      async () => follows.to(2).page({ cursor: (await follows.from(1).page({ count: 2 })).next! }),
      async () =>
        follows
          .from(1)
          .in('archived')
          .page({ cursor: (await follows.from(1).page({ count: 2 })).next! }),
      async () => cli('flock', 'page', 'follows', '2', '--cursor', (await follows.from(1).page({ count: 2 })).next!)(),
    ],
  },
  'an id outside 64 bits': {
    says: /must be an integer from 0 to|ids are from 0 to|must be a multiple of 8 bytes/,
    attempts: [
      pageOf({}, query({ sourceId: 2n ** 63n })),
      pageOf({}, query({ sourceId: -1n })),
      pageOf({}, query({ destinationIds: BigInt64Array.of(2n ** 63n) })),
      () => flock.write(edge({ sourceIds: BigInt64Array.of(2n ** 63n) })),
      () => flock.execute([{ edges: edge() }, { node: mass({ id: 2n ** 64n + 5n }) }]),
      () => flock.locate(graphId, 2n ** 64n + 5n),
      () => flock.counts(graphId, 'forward', BigInt64Array.of(-1n)),
      execute({ destinations: [4n] }, { destinations: [4n, -4n] }),
      execute({ destinations: [4n] }, { source: -4n }),
      rpc((client) => client.edge_states(graphId, packIds([-1n]), packIds([4n]), {})),
      rpc((client) => client.counts(graphId, true, Buffer.alloc(7), {})),
      rpc((client) => client.newest_edges({ ...wireLists, ids: packIds([-1n]) }, {})),
      () => follows.newestOfMany([1, -1], 10),
      rpc((client) => client.contains(-1n, graphId, 4n)),
      rpc((client) => client.write_batch([{ edges: wireEdge }, { node: { ...wireNode, id: -1n } }], {})),
      () => follows.add(2n ** 64n + 3n, 4),
      () => follows.archiveAll('9223372036854775808'),
      () => follows.batch((batch) => batch.add(3, 4).add(3, -1)),
      cli('flock', 'add', 'follows', '3', '9223372036854775808'),
      cli('flock', 'query', 'follows', 'from(9223372036854775808)'),
      cli('flock', 'archive', 'follows', '-1', '--all'),
    ],
  },
  'a position outside 64 bits': {
    says: /must be an integer from -9223372036854775808|position must be/,
    attempts: [
      pageOf({}, query({ minPosition: 2n ** 63n })),
      () => follows.add(3, 4, { position: 2n ** 63n }),
      () => follows.from(1).between(0, 2n ** 63n),
      cli('flock', 'add', 'follows', '3', '4', '--position', '9223372036854775808'),
    ],
  },
  'a mass operation on a graph that does not exist': {
    says: /there is no graph/,
    attempts: [
      () => flock.execute([{ edges: edge() }, { node: mass({ graphId: noGraph }) }]),
      execute({ destinations: [4n] }, { graph: noGraph, type: ExecuteOperationType.Archive }),
      rpc((client) => client.write_batch([{ edges: wireEdge }, { node: { ...wireNode, graph_id: noGraph } }], {})),
      () => roost.batch((batch) => (batch.in(follows).add(3, 4), batch.in({ id: noGraph }).archiveAll(1))),
      cli('flock', 'archive', 'likes', '1', '--all'),
    ],
  },
  'a query of a graph that does not exist': {
    says: /there is no (graph|table)/,
    attempts: [
      pageOf({}, query({ graphId: noGraph })),
      pageOf({}, { kind: 'union', left: query(), right: query({ graphId: noGraph }) }),
      () => flock.nodes(noGraph, 'forward', BigInt64Array.of(1n)),
      () => flock.newest({ ...lists, graphId: noGraph }, BigInt64Array.of(1n)),
      rpc((client) => client.newest_edges({ ...wireLists, graph_id: noGraph }, {})),
      ...program(...simple({ graphId: noGraph })),
      rpc((client) => client.get_metadata(1n, noGraph)),
      cli('flock', 'query', 'follows', 'from(1) & likes.from(1)'),
    ],
  },
  'lists that are too much for one call': {
    says: /lists of 10000 edges may have more than the 300000 edges/,
    attempts: [
      () =>
        flock.newest(
          { ...lists, count: 10_000 },
          BigInt64Array.from({ length: 31 }, (_, i) => BigInt(i)),
        ),
      rpc((client) =>
        client.newest_edges(
          { ...wireLists, ids: packIds(Array.from({ length: 31 }, (_, i) => BigInt(i))), count: 10_000 },
          {},
        ),
      ),
    ],
  },
  '100,001 operations in one call': {
    says: /at most|at once|too large|larger than/,
    attempts: [
      () => flock.write({ graphId, operations: 'add', sourceIds: manyColumn, destinationIds: numbers }),
      () => flock.execute(Array.from({ length: tooMany }, () => ({ node: mass() }))),
      () => flock.execute(Array.from({ length: tooMany }, () => ({ edges: edge() }))),
      execute({ destinations: [...numbers] }),
      execute(...Array.from({ length: tooMany }, () => ({ destinations: [4n] }))),
      execute(...Array.from({ length: tooMany }, () => ({ type: ExecuteOperationType.Archive }))),
      rpc((client) =>
        client.write_edges(
          {
            graph_id: graphId,
            operations: Buffer.of(1),
            source_ids: packIds(manyColumn),
            destination_ids: packIds(numbers),
          },
          {},
        ),
      ),
      rpc((client) =>
        client.write_batch(
          Array.from({ length: tooMany }, () => ({ node: wireNode })),
          {},
        ),
      ),
      () =>
        follows.batch((batch) => {
          for (const number of numbers) batch.add(3, number);
        }),
      cli('flock', 'add', 'follows', '3', ...Array.from({ length: tooMany }, (_, i) => String(i))),
      () => flock.states(graphId, manyColumn, numbers),
      rpc((client) => client.edge_states(graphId, packIds(manyColumn), packIds(numbers), {})),
      () => flock.count(query({ destinationIds: numbers })),
    ],
  },
  'an empty write': {
    says: /at least one|or --all/,
    attempts: [
      () => flock.execute([]),
      () => flock.write(edge({ sourceIds: new BigInt64Array(0), destinationIds: new BigInt64Array(0) })),
      execute(),
      rpc((client) => client.write_batch([], {})),
      cli('flock', 'add', 'follows', '3'),
    ],
  },
  'a write of neither edges nor a node': {
    says: /either edges or a node/,
    attempts: [
      rpc((client) => client.write_batch([{ edges: wireEdge }, {}], {})),
      rpc((client) => client.write_batch([{ edges: wireEdge, node: wireNode }], {})),
    ],
  },
  'a direction that does not exist': {
    says: /direction|Allowed choices/,
    attempts: [
      pageOf({}, query({ direction: 'up' as Direction })),
      () => flock.nodes(graphId, 'up' as Direction, BigInt64Array.of(1n)),
      () => flock.execute([{ edges: edge() }, { node: mass({ direction: 'both' }) }]),
      () => follows.archiveAll(1, { direction: 'up' as never }),
      cli('flock', 'archive', 'follows', '1', '--all', '--direction', 'up'),
    ],
  },
  'a time that has not come': {
    says: /a day from now/,
    attempts: [
      () => flock.execute([{ edges: edge() }, { node: mass({ time: 2n ** 62n }) }]),
      () => follows.batch((batch) => batch.add(3, 4).archiveAll(1, { at: 2n ** 62n })),
      cli('flock', 'archive', 'follows', '1', '--all', '--at', String(2n ** 62n)),
    ],
  },
};

/** Codes that are never the caller's fault. */
const faults: readonly unknown[] = ['Internal', 'DataLoss', 'Unavailable'];

describe.each(Object.entries(table))('%s', (_, { says, attempts }) => {
  it('is refused by every method before anything is written', { timeout: 60_000 }, async () => {
    expect(limits.operationsPerWrite).toBeLessThan(tooMany);
    // A server that the row before kept busy refuses writes without a last moment, as they may have waited.
    await sleep(100);
    for (const [i, attempt] of attempts.entries()) {
      const error: unknown = await Promise.resolve()
        .then(attempt)
        .then(
          () => new Error('it was accepted'),
          (thrown: unknown) => thrown,
        );
      const {
        message: own,
        code,
        cause,
      } = error as { message: string; code?: string; cause?: { name?: string; description?: string } };
      const message = cause?.description ?? own;
      expect(`attempt ${i}: ${message}`).toMatch(says);
      // FlockDB's own exception has no code.
      if (cause?.name !== 'FlockException') expect(faults, `attempt ${i}: ${message}`).not.toContain(code);
    }
    expect(await snapshot()).toEqual(before);
  });
});
