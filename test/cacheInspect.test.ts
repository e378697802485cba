import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { openTbird, routingKey, type Tbird } from '../tbird/index.js';
import { callRoost } from './callRoost.js';
import { untilApplied } from './flock/untilApplied.js';
import type { Finished } from './runRoost.js';
import { freshCluster } from './support/index.js';

const { config, configPath } = freshCluster('inspect', { cache: { tweets: true, graphs: true, deadlineMs: 1_000 } });
const materialized = { acknowledgment: 'materialized' } as const;
let tbird: Tbird;
let tweets: bigint[];

const roost = (...args: string[]): Promise<Finished> =>
  callRoost(['cache', 'inspect', '--settle-ms', '200', ...args, '--config', configPath], dirname(configPath));
const ids = (...values: (number | bigint)[]): BigInt64Array => BigInt64Array.from(values, BigInt);
const follows = (): number => tbird.flock.graph('follows').id;
const write = (operation: 'add' | 'remove', pairs: readonly (readonly [number, number])[]): Promise<void> =>
  tbird.flock.write(
    {
      graphId: follows(),
      operations: operation,
      sourceIds: ids(...pairs.map(([source]) => source)),
      destinationIds: ids(...pairs.map(([, destination]) => destination)),
    },
    materialized,
  );

/**
 * Runs a statement on every replica of a node or a tweet, bypassing the caches. `TABLE` stands for the shard's
 * prefix.
 */
async function plant(tableId: number, key: bigint, sql: string): Promise<void> {
  const { leaves } = tbird.gizzard.topology.route(tableId, key);
  for (const { shard } of leaves)
    await tbird.gizzard.mysql
      .host(shard.id.hostname)
      .run(sql.replace('TABLE', `\`${config.cluster}\`.${shard.id.tablePrefix}`), [], Deadline.after(5_000));
}

/**
 * Reads rows, fragments, timelines, lists in both directions, edges and absent keys, so that all of these are cached.
 */
async function readAll(): Promise<void> {
  await tbird.get(ids(...tweets, 99));
  await tbird.timelineFragments('json', { userId: 1n, count: 10 });
  for (const direction of ['forward', 'backward'] as const) {
    for (const sourceId of [1n, 2n, 3n])
      await tbird.flock.select(
        { kind: 'term', term: { graphId: follows(), sourceId, direction, states: ['normal'] } },
        { count: 10, cursor: -1n },
      );
  }
  await tbird.flock.edges(follows(), ids(1, 1, 1), ids(2, 3, 77));
}

beforeAll(async () => {
  tbird = await openTbird(config, { create: true, work: true });
  await tbird.setup({ policy: { windowMs: 86_400_000, stripes: 2, replicas: 2 }, graphShards: 2 });
  await tbird.flock.createGraph('follows', { shards: 2, replicas: 2 });
  tweets = [
    ...(await tbird.create(
      [
        { userId: 1n, text: 'one' },
        { userId: 1n, text: 'two' },
        { userId: 1n, text: 'three' },
      ],
      materialized,
    )),
  ];
  await write('add', [
    [1, 2],
    [1, 3],
    [2, 3],
  ]);
  await untilApplied(tbird.flock);
  await readAll();
});
afterAll(() => tbird.close());

describe('roost cache inspect', () => {
  it('finds nothing while everything is written and read', async () => {
    let writing = true;
    const writer = (async () => {
      for (let i = 0; writing; i++) {
        await write(i % 2 === 0 ? 'remove' : 'add', [[1, 3]]);
        const [id] = await tbird.create([{ userId: 1n, text: `${i}` }], materialized);
        await readAll();
        await tbird.delete(ids(id!), materialized);
      }
    })();
    const { exitCode, stdout, stderr } = await roost('--json');
    writing = false;
    await writer;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect((JSON.parse(stdout) as { compared: number }).compared).toBeGreaterThan(15);
    await write('add', [[1, 3]]);
    await untilApplied(tbird.flock);
  });

  it('finds every stale entry that is planted, of each kind, and nothing else', async () => {
    await readAll();
    const [changed, gone] = [tweets[0]!, tweets[1]!];
    const keyOf = (id: bigint): bigint => routingKey(id, 86_400_000);
    await plant(tbird.tableId, keyOf(changed), `UPDATE TABLE_tweets SET text = 'another' WHERE id = ${changed}`);
    await plant(tbird.tableId, keyOf(gone), `DELETE FROM TABLE_tweets WHERE id = ${gone}`);
    await plant(tbird.graphs().byUser, 1n, `DELETE FROM TABLE_edges WHERE source_id = 1 AND destination_id = ${gone}`);
    await plant(follows(), 1n, 'UPDATE TABLE_edges SET position = 5 WHERE source_id = 1 AND destination_id = 2');
    await plant(-follows(), 3n, 'UPDATE TABLE_edges SET state = 2 WHERE source_id = 3 AND destination_id = 2');
    const planted = [
      `tweets ${changed}`,
      `tweets ${gone}`,
      `fragments json ${changed}`,
      `fragments json ${gone}`,
      'lists tweets_by_user forward 1',
      'lists follows forward 1',
      'lists follows backward 3',
      'edges follows 1:2',
    ];
    const found = await roost('--json');
    expect(found).toMatchObject({ exitCode: 18, stderr: expect.stringContaining(`${planted.length} of `) as string });
    const { stale } = JSON.parse(found.stdout) as { stale: { kind: string; key: string }[] };
    expect(stale.map(({ kind, key }) => `${kind} ${key}`).sort()).toEqual(planted.sort());
  });

  it('looks at single entries', async () => {
    expect(await roost('tweets', String(tweets[2]), '12345')).toMatchObject({
      exitCode: 0,
      stdout: '1 entry agrees with the database; not cached: 1\n',
    });
    const named = async (...args: string[]): Promise<string> => (await roost(...args)).stdout.replaceAll(/[ │]+/g, ' ');
    expect(await named('tweets', String(tweets[0]))).toContain(`tweets ${tweets[0]}`);
    expect(await named('lists', '3', '--graph', 'follows', '--direction', 'backward')).toContain(
      'lists follows backward 3',
    );
    expect(await roost('lists', '2', '--graph', 'follows')).toMatchObject({
      exitCode: 0,
      stdout: '1 entry agrees with the database\n',
    });
    expect(await named('edges', '1:2', '1:77', '--graph', 'follows')).toContain('edges follows 1:2');
    expect((await roost('edges', '1:2')).stderr).toContain('need --graph');
    expect((await roost('edges', '1', '--graph', 'follows')).stderr).toContain('SOURCE:DESTINATION');
    expect((await roost('pages')).stderr).toContain('The kinds are');
  });
});
