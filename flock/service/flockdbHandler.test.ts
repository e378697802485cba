import { afterAll, beforeAll, expect, it } from 'vitest';
import { Cancellation, packIds, unpackIds } from '../../core/index.js';
import { injectorHandler } from '../../server/index.js';
import { openFlock, type Edge, type Flock, type Operation } from '../../flock/index.js';
import { untilApplied } from '../../test/flock/untilApplied.js';
import { freshCluster } from '../../test/support/index.js';
import { ExecuteOperationType, PriorityNumber, type FlockDBTypes } from '../../wire/index.js';
import { injectedFlockdb } from './injectedFlockdb.js';
import { flockdbHandler, type FlockdbHandler } from './flockdbHandler.js';

// What clients of FlockDB rely on, on a real graph.

const { config } = freshCluster('flockdb_handler');
let flock: Flock;
let client: FlockdbHandler;
let nextNode = 1n;

beforeAll(async () => {
  flock = await openFlock(config, { create: true, work: true });
  await flock.createGraph('follows', { shards: 1, replicas: 2 });
  client = flockdbHandler(flock, { closed: new Cancellation(), waitedMs: () => 0 });
});
afterAll(() => flock.close());

const types: Readonly<Record<Operation, FlockDBTypes.ExecuteOperationType>> = {
  add: ExecuteOperationType.Add,
  remove: ExecuteOperationType.Remove,
  archive: ExecuteOperationType.Archive,
  negate: ExecuteOperationType.Negate,
};

interface Given {
  readonly at?: number;
  readonly position?: bigint;
  /** Absent: a mass operation. */
  readonly others?: bigint[];
}

async function execute(operation: Operation, node: bigint, { at, position, others }: Given, graph = 1): Promise<void> {
  const term = {
    source_id: node,
    graph_id: graph,
    is_forward: true,
    ...(others === undefined ? {} : { destination_ids: packIds(others) }),
  };
  await client.execute({
    operations: [{ operation_type: types[operation], term, ...(position === undefined ? {} : { position }) }],
    priority: PriorityNumber.High,
    ...(at === undefined ? {} : { execute_at: at }),
  });
  await untilApplied(flock);
}
const edge = async (node: bigint): Promise<Edge | undefined> =>
  (await flock.edges(1, BigInt64Array.of(node), BigInt64Array.of(2n)))[0];
const others = [2n];

/** A write as the journal would have timed it within a second. */
async function writeWithin(seconds: number, operations: Operation, node: bigint): Promise<void> {
  await flock.write({
    graphId: 1,
    operations,
    sourceIds: BigInt64Array.of(node),
    destinationIds: BigInt64Array.from(others),
    times: BigInt64Array.of(BigInt(seconds) * 1_000_000n + 300_000n),
  });
  await untilApplied(flock);
}

it.each<[Operation, Operation, string]>([
  ['add', 'remove', 'removed'],
  ['add', 'archive', 'archived'],
  ['add', 'negate', 'negative'],
  ['archive', 'remove', 'removed'],
  ['remove', 'add', 'removed'],
  ['archive', 'add', 'archived'],
  ['negate', 'add', 'negative'],
])(
  'has the greater state win within a second: %s by the clock of the journal, then %s by execute_at',
  async (first, then, state) => {
    const node = nextNode++;
    await writeWithin(1_000, first, node);
    await execute(then, node, { others, at: 1_000 });
    expect((await edge(node))!.state).toBe(state);
  },
);

it.each<[Operation, Operation, string]>([
  ['remove', 'add', 'removed'],
  ['archive', 'negate', 'archived'],
  ['negate', 'add', 'negative'],
])('has the greater state win where %s and %s bring the same second, in either order', async (greater, less, state) => {
  for (const operations of [
    [greater, less],
    [less, greater],
  ]) {
    const node = nextNode++;
    for (const operation of operations) await execute(operation, node, { others, at: 1_000 });
    expect((await edge(node))!.state).toBe(state);
    await execute('add', node, { others, at: 1_001 });
    expect((await edge(node))!).toMatchObject({ state: 'normal', updatedAt: 1_001_000_000n });
  }
});

it('has a write that follows by the clock of the journal win over an add by execute_at of the same second', async () => {
  const node = nextNode++;
  await execute('add', node, { others, at: 1_000 });
  await writeWithin(1_000, 'remove', node);
  expect((await edge(node))!.state).toBe('removed');
});

it('applies the same rule to mass operations', async () => {
  const node = nextNode++;
  await execute('add', node, { others, at: 1_000 });
  await execute('archive', node, { at: 1_000 });
  await execute('add', node, { at: 1_000 });
  await expect.poll(async () => (await edge(node))!.state).toBe('archived');
  await execute('add', node, { at: 1_001 });
  await expect.poll(async () => (await edge(node))!.state).toBe('normal');
  await execute('remove', node, { at: 1_001 });
  await expect.poll(async () => (await edge(node))!.state).toBe('removed');
  expect(await client.get_metadata(node, 1)).toMatchObject({ updated_at: 1_001 });
});

it('keeps the place of an edge that is added again without a position, unless it was removed or negative', async () => {
  const node = nextNode++;
  await execute('add', node, { others, position: 7n });
  await execute('archive', node, { others });
  await execute('add', node, { others });
  expect(await edge(node)).toMatchObject({ state: 'normal', position: 7n });
  await execute('add', node, { others });
  expect(await edge(node)).toMatchObject({ position: 7n });
  for (const operation of ['remove', 'negate'] as const) {
    const before = BigInt(Date.now());
    await execute(operation, node, { others });
    await execute('add', node, { others });
    const { position } = (await edge(node))!;
    expect(position >= before && position <= BigInt(Date.now())).toBe(true);
  }
  await execute('add', node, { others, position: 9n });
  expect(await edge(node)).toMatchObject({ position: 9n });
});

it('keeps the position that an archive or a remove brings to an edge that was never added, until it is', async () => {
  const node = nextNode++;
  await execute('archive', node, { others, position: 7n });
  expect(await edge(node)).toMatchObject({ state: 'archived', position: 7n });
  await execute('add', node, { others });
  expect(await edge(node)).toMatchObject({ state: 'normal', position: 7n });
  await execute('remove', node, { others, position: 100n });
  expect(await edge(node)).toMatchObject({ state: 'removed', position: 7n });
  await execute('add', node, { others, at: 1, position: 5n });
  expect(await edge(node)).toMatchObject({ state: 'removed', position: 7n });
  const later = nextNode++;
  await execute('remove', later, { others, position: 100n });
  await execute('add', later, { others, at: 1, position: 5n });
  expect(await edge(later)).toMatchObject({ state: 'removed', position: 5n });
});

it('does nothing for an empty list of destinations, but knows whether the graph exists', async () => {
  const node = nextNode++;
  await execute('add', node, { others: [] });
  expect(await client.contains_metadata(node, 1)).toBe(false);
  await expect(execute('add', node, { others: [] }, 900)).rejects.toMatchObject({ code: 'NotFound' });
});

it('shortens pages past the limit to the limit', async () => {
  const node = nextNode++;
  await execute('add', node, { others: Array.from({ length: 10_001 }, (_, i) => BigInt(i)) });
  const operations = [{ operation_type: 1, term: { source_id: node, graph_id: 1, is_forward: true } }];
  const [first] = await client.select2([{ operations, page: { count: 2 ** 31 - 1, cursor: -1n } }]);
  expect(unpackIds(first!.ids)).toHaveLength(10_000);
  const rest = await client.select(operations, { count: 2 ** 31 - 1, cursor: first!.next_cursor });
  expect([unpackIds(rest.ids).length, rest.next_cursor]).toEqual([1, 0n]);
});

it('refuses an id that a column has no room for before it is journaled', async () => {
  const [database] = Object.keys(config.databaseHosts) as [string];
  const shard = (tableId: number) => ({ hostname: database, tablePrefix: `narrow_${tableId < 0 ? 'b' : 'f'}` });
  await flock.gizzard.apply(
    [5, -5].flatMap((tableId) => [
      { kind: 'createTable' as const, table: { tableId, name: 'narrow', service: 'flock', hash: 'fnv1a64' } },
      {
        kind: 'createShard' as const,
        shard: {
          id: shard(tableId),
          type: 'flock',
          attributes: { sourceType: 'INT UNSIGNED', destinationType: 'BIGINT UNSIGNED' },
          busy: 'normal' as const,
        },
      },
      { kind: 'setForwarding' as const, forwarding: { tableId, baseId: 0n, shard: shard(tableId) } },
    ]),
  );
  const most = 2n ** 32n - 1n;
  await execute('add', most, { others: [most] }, 5);
  for (const [node, given] of [
    [most + 1n, { others }],
    [1n, { others: [most + 1n] }],
    [most + 1n, {}],
  ] as const) {
    await expect(execute('archive', node, { ...given } as Given, 5)).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining('INT UNSIGNED') as string,
    });
  }
  expect(await flock.journal()).toMatchObject({ failing: 0, bad: 0 });
});

it("applies what a queue of FlockDB holds, and keeps places as FlockDB's jobs did", async () => {
  const injector = injectorHandler(flock.gizzard, [injectedFlockdb(flock)], {
    closed: new Cancellation(),
    waitedMs: () => 0,
  });
  const inject = async (...jobs: object[]): Promise<void> => {
    await injector.inject_jobs(
      jobs.map((job) => ({ priority: PriorityNumber.Low, contents: Buffer.from(JSON.stringify(job)) })),
    );
    await untilApplied(flock);
  };
  const node = nextNode++;
  const single = (state: number, position: number, at: number) => ({
    'com.twitter.flockdb.jobs.single.Single': {
      source_id: Number(node),
      graph_id: 1,
      destination_id: 2,
      position,
      state,
      updated_at: at,
    },
  });
  const multi = (state: number, at: number) => ({
    'com.twitter.flockdb.jobs.multi.Multi': {
      source_id: Number(node),
      graph_id: 1,
      direction: 0,
      state,
      updated_at: at,
      priority: 1,
      cursor: -1,
    },
  });
  await inject({ 'com.twitter.gizzard.scheduler.JsonNestedJob': { tasks: [single(0, 5, 1_000)], error_count: 0 } });
  expect(await edge(node)).toMatchObject({ state: 'normal', position: 5n, updatedAt: 1_000_000_000n });
  await inject(multi(2, 1_001), multi(0, 1_002));
  await inject(single(0, 1_002_000, 1_002));
  await expect.poll(() => edge(node)).toMatchObject({ state: 'normal', position: 5n });
  await inject(single(1, 6, 1_003), { 'flock.edges': { graph: 1, edges: [{ source: Number(node), destination: 3 }] } });
  await inject(single(0, 7, 1_004));
  expect(await edge(node)).toMatchObject({ state: 'normal', position: 7n });
  await expect(inject(single(0, 8, 1_005), single(0, 8, 2 ** 40))).rejects.toMatchObject({ code: 'InvalidArgument' });
  expect(await edge(node)).toMatchObject({ position: 7n });
});
