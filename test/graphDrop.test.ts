import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline, jsonText } from '../core/index.js';
import { openFlock, type Flock } from '../flock/index.js';
import { untilApplied } from './flock/untilApplied.js';
import { callRoost } from './callRoost.js';
import type { Finished } from './runRoost.js';
import { freshCluster } from './support/index.js';

const { config, configPath } = freshCluster('graph_drop', { nameServer: { hosts: ['db1'], reloadSeconds: 0.1 } });
const [db1 = '', db2 = ''] = Object.keys(config.databaseHosts);
let server: Flock;

const roost = (...args: string[]): Promise<Finished> => callRoost([...args, '--config', configPath], '.');
async function answer<T>(...args: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await roost(...args, '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}
const ids = BigInt64Array.from({ length: 20 }, (_, i) => BigInt(i));
const write = (graphId: number, acknowledgment: 'journaled' | 'materialized'): Promise<void> =>
  server.write(
    { graphId, operations: 'add', sourceIds: ids, destinationIds: ids.map((id) => id + 100n) },
    { acknowledgment },
  );
const tables = async (database: string): Promise<number> => {
  const counts = await Promise.all(
    [db1, db2].map((host) =>
      server.gizzard.mysql
        .host(host)
        .rows(
          "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE '%edges'",
          [database],
          Deadline.after(5_000),
        ),
    ),
  );
  return counts.reduce((sum, [row]) => sum + Number(row![0]), 0);
};

beforeAll(async () => {
  server = await openFlock(config, { work: true, create: true });
});
afterAll(() => server.close());

describe('roost graph drop', { timeout: 60_000 }, () => {
  it('shows what goes, asks, sets the tables aside, and brings everything back with undrop', async () => {
    const { id } = await server.createGraph('follows', { shards: 2, replicas: 2 });
    await write(id, 'materialized');
    const before = server.gizzard.topology.state;
    const refused = await roost('graph', 'drop', 'follows');
    expect(refused.exitCode).toBe(13);
    expect(refused.stderr).toContain(`on ${db1}: 4 shards, about`);
    expect(refused.stderr).toContain('brings it back for 7 days');

    expect(await answer('graph', 'drop', 'follows', '--yes')).toMatchObject({ graph: 'follows', id, shards: 8 });
    expect(await tables(config.cluster)).toBe(0);
    expect(await tables(`${config.cluster}_dropped`)).toBe(8);
    await server.gizzard.nameServer.reload();
    await expect(server.counts(id, 'forward', ids)).rejects.toMatchObject({ code: 'NotFound' });
    expect(await answer<{ graphs: unknown[]; dropped: unknown[] }>('graph', 'list')).toMatchObject({
      graphs: [],
      dropped: [{ name: 'follows', id }],
    });
    expect((await roost('graph', 'drop', 'follows', '--yes')).stderr).toContain('is dropped already');
    expect((await roost('doctor')).stdout).not.toContain('follows');

    expect(await answer('graph', 'undrop', 'follows')).toMatchObject({ graph: 'follows', id });
    await server.gizzard.nameServer.reload();
    const { topology } = server.gizzard;
    const sorted = (list: readonly object[]): string[] => list.map((one) => jsonText(one)).sort();
    for (const part of ['tables', 'links', 'forwardings'] as const)
      expect(sorted(topology.state[part])).toEqual(sorted(before[part]));
    expect(
      await server.states(
        id,
        ids,
        ids.map((one) => one + 100n),
      ),
    ).toEqual(Array.from(ids, () => 'normal'));
    expect((await roost('graph', 'undrop', 'follows')).exitCode).not.toBe(0);
  });

  it('ends jobs that wait for the graph, and gives a new graph of its name another number and other tables', async () => {
    const { id } = await server.createGraph('likes', { shards: 1, replicas: 1 });
    await server.gizzard.apply([{ kind: 'pauseJobs', priority: 'high' }]);
    await write(id, 'journaled');
    await answer('graph', 'drop', 'likes', '--yes');
    const again = await answer<{ id: number }>('graph', 'create', 'likes', '--shards', '1', '--replicas', '1');
    expect(again.id).toBeGreaterThan(id);
    await server.gizzard.apply([{ kind: 'resumeJobs', priority: 'high' }]);
    await untilApplied(server);
    expect(await server.journal()).toMatchObject({ failing: 0, bad: 0 });
    await server.gizzard.nameServer.reload();
    expect(
      await server.states(
        again.id,
        ids,
        ids.map((one) => one + 100n),
      ),
    ).toEqual(Array.from(ids, () => undefined));
    expect((await roost('graph', 'undrop', 'likes')).stderr).toContain('there is a graph likes by now');
    expect((await roost('graph', 'create', 'other', '--id', String(id))).stderr).toContain(
      'is taken by likes, which was dropped',
    );
    await answer('graph', 'drop', 'likes', '--yes');
    expect(await answer('graph', 'undrop', 'likes', '--id', String(id))).toMatchObject({ id });
    await server.gizzard.nameServer.reload();
    expect(
      await server.states(
        id,
        ids,
        ids.map((one) => one + 100n),
      ),
    ).toEqual(Array.from(ids, () => undefined));
  });

  it('is refused while a migration holds the graph, for graphs of the tweets, and goes on with a drop that was left half-way', async () => {
    const { id } = await server.createGraph('blocks', { shards: 1, replicas: 1, hosts: [db1] });
    const { migrations } = await answer<{ migrations: { id: number }[] }>(
      'move',
      `${db1}/blocks_forward_0000`,
      db2,
      '--yes',
      '--wait',
    ).catch(() => ({ migrations: [] }));
    expect((await roost('graph', 'drop', 'blocks', '--yes')).stderr).toContain(`is in migration ${migrations[0]!.id}`);
    await answer('migrations', 'rollback', String(migrations[0]!.id), '--yes');
    await server.gizzard.migrations.atRest(migrations[0]!.id, AbortSignal.timeout(30_000));
    await server.createGraph('tweet_replies', { shards: 1, replicas: 1 });
    expect((await roost('graph', 'drop', 'tweet_replies', '--yes')).stderr).toContain('--breaks-tweets');
    expect((await roost('graph', 'drop', 'tweet_replies', '--yes', '--breaks-tweets')).exitCode).toBe(0);

    await answer('graph', 'drop', 'blocks', '--yes');
    const aside = (await server.gizzard.dropped.list(db1)).find(
      ({ shard }) => shard.id.tablePrefix === 'blocks_forward_0000',
    )!;
    await server.gizzard.dropped.bringBack(aside);
    expect(await answer('graph', 'drop', 'blocks', '--yes')).toMatchObject({ id, shards: 1 });
    expect(await answer('graph', 'undrop', 'blocks')).toMatchObject({ id });
  });
});
