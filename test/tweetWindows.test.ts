import { afterAll, beforeAll, expect, it } from 'vitest';
import { composeSnowflake } from '../core/index.js';
import { openTbird, type Tbird } from '../tbird/index.js';
import { callRoost } from './callRoost.js';
import { freshCluster } from './support/index.js';

const cluster = freshCluster('tweetwindows');
const hourMs = 3_600_000;
const now = Date.now();
const idOf = (hoursAgo: number): bigint =>
  composeSnowflake({ timeMs: now - hoursAgo * hourMs, worker: 3, sequence: 0 });
const timeOf = (hoursAgo: number): string => new Date(now - hoursAgo * hourMs).toISOString();
const run = (...args: string[]) => callRoost(['tweets', ...args, '--config', cluster.configPath], '/');
let tbird: Tbird;

async function there(...hoursAgo: number[]): Promise<boolean[]> {
  await tbird.gizzard.nameServer.reload();
  return (await tbird.get(BigInt64Array.from(hoursAgo, idOf))).map((tweet) => tweet !== undefined);
}

beforeAll(async () => {
  expect(await run('setup', '--window', '1h', '--stripes', '1', '--replicas', '1')).toMatchObject({ exitCode: 0 });
  tbird = await openTbird(cluster.config);
  await tbird.gizzard.start({ work: true });
  await tbird.create(
    [5, 4, 3].map((hours) => ({ id: idOf(hours), userId: 1n, text: `${hours} hours ago` })),
    { acknowledgment: 'materialized' },
  );
});
afterAll(() => tbird.close());

it('a shorter retention shows what it drops, and drops nothing unless it is confirmed', async () => {
  const asked = await run('setup', '--retention', '1h');
  expect(asked.exitCode).not.toBe(0);
  expect(asked.stderr).toContain('needs --yes');
  expect(asked.stderr.match(/is dropped: 1 table/g)).toHaveLength(3);
  expect(asked.stderr).toContain('`roost tweets undrop` brings them back until about');
  expect((await tbird.windowSet.freshPolicy()).retentionMs).toBeNull();
  // A longer retention drops nothing, and asks nothing.
  expect(await run('setup', '--retention', '30d')).toMatchObject({ exitCode: 0 });
  expect(await there(5, 4, 3)).toEqual([true, true, true]);
  expect(await run('setup', '--retention', '1h', '--yes')).toMatchObject({ exitCode: 0 });
  expect(await there(5, 4, 3)).toEqual([false, false, false]);
});

it('dropped windows come back by command, and go when they are released', async () => {
  expect((await run('undrop', timeOf(4))).stdout).toContain('is back, and stays until it is released');
  expect(await there(5, 4, 3)).toEqual([false, true, false]);
  expect(await run('roll', '--all')).toMatchObject({ exitCode: 0 });
  expect(await there(4)).toEqual([true]);
  expect(await run('undrop', timeOf(4))).toMatchObject({ exitCode: 13 });
  expect((await run('undrop', 'yesterday')).exitCode).toBe(2);
  expect((await run('undrop', '2020-01-01')).stderr).toContain('was not dropped, or is deleted for good');
  expect(await run('release', timeOf(4))).toMatchObject({ exitCode: 0 });
  const asked = await run('roll', '--all');
  expect(asked.stderr).toContain('is dropped: 1 table');
  expect(await there(4)).toEqual([true]);
  expect((await run('roll', '--all', '--yes')).stdout).toContain('dropped 1,');
  expect(await there(4)).toEqual([false]);
});
