import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ShardDatabase } from '../../mysql/index.js';
import { inspectCache } from '../../cache/index.js';
import { Deadline } from '../../core/index.js';
import { untilApplied } from '../../test/flock/untilApplied.js';
import { freshCluster } from '../../test/support/index.js';
import { openFlock, type Direction, type EdgeState, type Flock, type Operation } from '../index.js';
import { FlockTables } from '../storage/flockTables.js';

const { config } = freshCluster('cachededges', { cache: { graphs: true, deadlineMs: 1_000, listIds: 20 } });
/** Two servers that work; what one writes the other reads. */
let flock: Flock;
let other: Flock;
let graphId: number;

const ids = (...values: (number | bigint)[]): BigInt64Array => BigInt64Array.from(values, BigInt);
const write = (
  operations: Operation,
  pairs: readonly (readonly [number, number])[],
  position?: number,
): Promise<void> =>
  flock.write(
    {
      graphId,
      operations,
      sourceIds: ids(...pairs.map(([source]) => source)),
      destinationIds: ids(...pairs.map(([, destination]) => destination)),
      ...(position === undefined ? {} : { positions: ids(...pairs.map(() => position)) }),
    },
    { acknowledgment: 'materialized' },
  );
const list = async (
  sourceId: number,
  direction: Direction = 'forward',
  states: EdgeState[] = ['normal'],
  count = 10,
): Promise<number[]> =>
  Array.from(
    (
      await other.select(
        { kind: 'term', term: { graphId, sourceId: BigInt(sourceId), direction, states } },
        { count, cursor: -1n },
      )
    ).ids,
    Number,
  );
const stepsOf = async (sourceId: number, count = 10, states: EdgeState[] = ['normal']): Promise<string[]> =>
  (
    await other.explain(
      { kind: 'term', term: { graphId, sourceId: BigInt(sourceId), direction: 'forward', states } },
      { count, cursor: -1n },
    )
  ).steps.map(({ kind }) => kind);

beforeAll(async () => {
  flock = await openFlock(config, { create: true, work: true });
  graphId = (await flock.createGraph('follows', { shards: 2, replicas: 2 })).id;
  other = await openFlock(config, { work: true });
});
afterAll(async () => {
  await flock.close();
  await other.close();
});

describe('the newest edges of a node', () => {
  it('come from the cache, in both directions, and follow every write', async () => {
    await write('add', [
      [1, 2],
      [1, 3],
      [4, 3],
    ]);
    expect([await list(1), await list(3, 'backward')]).toEqual([
      [3, 2],
      [4, 1],
    ]);
    expect(await stepsOf(1)).toEqual(['cached']);
    await write('add', [
      [1, 5],
      [6, 3],
    ]);
    expect([await list(1), await list(3, 'backward')]).toEqual([
      [5, 3, 2],
      [6, 4, 1],
    ]);
    await write('archive', [[1, 3]]);
    expect([
      await list(1),
      await list(1, 'forward', ['archived']),
      await list(1, 'forward', ['normal', 'archived']),
      await list(3, 'backward'),
    ]).toEqual([[5, 2], [3], [5, 3, 2], [6, 4]]);
    await write('remove', [[1, 5]]);
    await write('add', [[1, 3]], 1);
    expect(await list(1)).toEqual([2, 3]);
    // What is removed is in no list of the cache.
    expect(await list(1, 'forward', ['removed'])).toEqual([5]);
    expect(await stepsOf(1, 10, ['removed'])).toEqual(['page']);
    expect(await stepsOf(1, 21)).toEqual(['page']);
  });

  it('of many nodes come from the cache as far as it holds them', async () => {
    await write(
      'add',
      Array.from({ length: 50 }, (_, i) => [11, 100 + i] as const),
    );
    const asked = BigInt64Array.of(1n, 11n, 999n);
    const newest = { graphId, direction: 'forward', states: ['normal'], count: 5 } as const;
    for (const maxPosition of [undefined, 2n ** 62n, 1n]) {
      const pages = await Promise.all(
        Array.from(asked, (sourceId) =>
          flock.select(
            {
              kind: 'term',
              term: { ...newest, sourceId, ...(maxPosition !== undefined && { maxPosition }) },
            },
            { count: 5, cursor: -1n },
          ),
        ),
      );
      expect(await flock.newestIds({ ...newest, maxPosition }, asked)).toEqual(pages.map(({ ids }) => [...ids]));
    }
    // Of a list that is cut off, what is behind its end comes from the databases.
    expect((await flock.newestIds({ ...newest, count: 20 }, BigInt64Array.of(11n)))[0]).toHaveLength(20);
  });

  it('are paged through to the end, from the cache first and from the databases then, and back', async () => {
    await write(
      'add',
      Array.from({ length: 50 }, (_, i) => [10, 100 + i] as const),
    );
    const term = { graphId, sourceId: 10n, direction: 'forward' as const, states: ['normal' as const] };
    const walk = async (cursor: bigint, step: 'nextCursor' | 'prevCursor'): Promise<number[][]> => {
      const pages: number[][] = [];
      for (let at = cursor; at !== 0n;) {
        const page = await other.select({ kind: 'term', term }, { count: 8, cursor: at });
        pages.push(Array.from(page.ids, Number));
        at = page[step];
        last = page;
      }
      return pages;
    };
    let last: { prevCursor: bigint } | undefined;
    const all = Array.from({ length: 50 }, (_, i) => 149 - i);
    expect((await walk(-1n, 'nextCursor')).flat()).toEqual(all);
    const back = await walk(last!.prevCursor, 'prevCursor');
    expect(back.toReversed().flat()).toEqual(all.slice(0, 48));
  });

  it('follow mass operations', async () => {
    await write('add', [
      [20, 21],
      [20, 22],
      [23, 20],
    ]);
    expect([await list(20), await list(21, 'backward'), await list(20, 'backward')]).toEqual([[22, 21], [20], [23]]);
    await flock.execute([{ node: { graphId, id: 20n, direction: 'forward', operation: 'archive' } }], {
      acknowledgment: 'materialized',
    });
    await untilApplied(flock);
    expect([await list(20), await list(20, 'forward', ['archived']), await list(21, 'backward')]).toEqual([
      [],
      [22, 21],
      [],
    ]);
    expect((await other.edges(graphId, ids(20), ids(21)))[0]?.state).toBe('archived');
    await flock.execute([{ node: { graphId, id: 20n, direction: 'forward', operation: 'add' } }], {
      acknowledgment: 'materialized',
    });
    await untilApplied(flock);
    expect([await list(20), await list(21, 'backward')]).toEqual([[22, 21], [20]]);
    expect((await other.edges(graphId, ids(20), ids(21)))[0]?.state).toBe('normal');
  });

  it('stay unchanged when a job is applied again, and are corrected where the job had not reached the cache', async () => {
    const { newest } = other.options.caches!;
    const again = (): Promise<void> =>
      flock.write(
        {
          graphId,
          operations: 'add',
          sourceIds: ids(30),
          destinationIds: ids(31),
          positions: ids(5),
          times: ids(1_000),
        },
        { acknowledgment: 'materialized' },
      );
    await again();
    expect(await list(30)).toEqual([31]);
    const load = newest.options.load;
    Object.assign(newest.options, { load: () => Promise.reject(new Error('it was loaded again')) });
    await again();
    expect(await list(30)).toEqual([31]);
    Object.assign(newest.options, { load });
    // As after a server that was killed between the two: the row is there, the entry is of before.
    const [entry] = await newest.store!.look([`${graphId}:30`]);
    if (entry?.kind !== 'value') throw new Error('it is not cached');
    const { target } = entry;
    await target.node.execute(
      [{ ...newest.store!.storing(target, { ids: ids(), positions: ids(), complete: true }) }],
      1_000,
    );
    expect(await list(30)).toEqual([]);
    await again();
    expect(await list(30)).toEqual([31]);
  });
});

describe('edges by their ends', () => {
  it('are cached, missing ones too, and invalidated by a write', async () => {
    const pair = async (): Promise<(string | undefined)[]> =>
      (await other.edges(graphId, ids(40, 40), ids(41, 42))).map((edge) => edge?.state);
    const { edges } = other.options.caches!;
    expect(await pair()).toEqual([undefined, undefined]);
    await write('add', [[40, 41]]);
    expect(await pair()).toEqual(['normal', undefined]);
    const load = edges.options.load;
    Object.assign(edges.options, { load: () => Promise.reject(new Error('it was loaded again')) });
    expect(await pair()).toEqual(['normal', undefined]);
    Object.assign(edges.options, { load });
    await write('remove', [[40, 41]]);
    expect(await pair()).toEqual(['removed', undefined]);
  });
});

it('a read after a repair returns the repaired rows, not the cached ones', async () => {
  await write('add', [
    [50, 51],
    [50, 52],
  ]);
  await untilApplied(flock);
  const { leaves } = flock.gizzard.topology.route(graphId, 50n);
  const [lacking] = leaves;
  const host = flock.gizzard.mysql.host(lacking!.shard.id.hostname);
  await host.run(
    `DELETE FROM ${new FlockTables(new ShardDatabase(config.cluster)).at(lacking!.shard).edges} WHERE source_id = 50 AND destination_id = 52`,
    [],
    Deadline.after(5_000),
  );
  const { newest, edges } = other.options.caches!;
  // Which replica a load asks is left to chance.
  const untilLacking = async (read: () => Promise<boolean>): Promise<void> => {
    for (let tries = 0; tries < 200; tries++) {
      await newest.invalidate([`${graphId}:50`]);
      await edges.invalidate([`${graphId}:50:52`]);
      if (await read()) return;
    }
    throw new Error('the replica without the edge was never asked');
  };
  await untilLacking(
    async () => (await list(50)).length === 1 && (await other.edges(graphId, ids(50), ids(52)))[0] === undefined,
  );
  const move = await flock.gizzard.moves.request(
    'repair',
    leaves.map(({ shard }) => shard.id),
  );
  expect(await flock.gizzard.moves.finished(move, AbortSignal.timeout(20_000))).toMatchObject({
    differenceCount: expect.any(Number) as number,
  });
  expect(await list(50)).toEqual([52, 51]);
  expect((await other.edges(graphId, ids(50), ids(52)))[0]?.state).toBe('normal');
});

it('cache and databases agree after all writes', async () => {
  await untilApplied(flock);
  const { newest, edges } = other.options.caches!;
  const reports = [
    await inspectCache(newest, String, { settleMs: 100 }),
    await inspectCache(edges, String, { settleMs: 100 }),
  ];
  for (const { compared, stale } of reports) {
    expect(stale).toEqual([]);
    expect(compared).toBeGreaterThan(3);
  }
});
