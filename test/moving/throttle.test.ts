import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFlock, type Flock } from '../../flock/index.js';
import { callRoost } from '../callRoost.js';
import { freshCluster } from '../support/index.js';

const { config, configPath } = freshCluster('moves_throttle', { nameServer: { hosts: ['db1'], reloadSeconds: 0.1 } });
const [db1 = '', db2 = ''] = Object.keys(config.databaseHosts);
let server: Flock;

async function answer<T>(...args: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await callRoost([...args, '--config', configPath, '--json'], '.');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}
const rows = 3_000;
const ids = BigInt64Array.from({ length: rows }, (_, i) => BigInt(i));

/** Returns a part of the day that does not include the present and does not start soon. */
function otherTimes(): string {
  const hour = new Date().getUTCHours();
  const at = (hours: number): string => String((hour + hours) % 24).padStart(2, '0');
  return `${at(6)}:00-${at(7)}:00`;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const giveUpAtMs = performance.now() + 30_000;
  while (!(await holds())) {
    expect(performance.now()).toBeLessThan(giveUpAtMs);
    await sleep(50);
  }
}

beforeAll(async () => {
  server = await openFlock(config, { work: true, create: true });
  const { id } = await server.createGraph('follows', { shards: 1, replicas: 1, hosts: [db1] });
  await server.write(
    { graphId: id, operations: 'add', sourceIds: ids, destinationIds: ids },
    { acknowledgment: 'materialized' },
  );
});
afterAll(() => server.close());

describe('roost migrations throttle', { timeout: 60_000 }, () => {
  it('slows a copy that runs, lets it rest outside of its times, saying why, and lets it go on', async () => {
    expect(await answer('migrations', 'throttle', '--rows-per-second', '50')).toMatchObject({
      rowsPerSecond: 50,
      between: '',
      resting: false,
    });
    const { migrations } = await answer<{ migrations: number[] }>('move', `${db1}/follows_forward_0000`, db2, '--yes');
    const [id] = migrations as [number];
    const copy = async () => (await server.gizzard.migrations.show(id)).moves.find(({ kind }) => kind === 'copy');
    await until(async () => ((await copy())?.rowsDone ?? 0) > 0);
    // An unbounded copy would be done with its first page.
    expect((await copy())!.rowsDone).toBeLessThan(rows);

    const times = otherTimes();
    await answer('migrations', 'throttle', '--between', times);
    await until(async () => (await copy())!.error.startsWith('rests until'));
    const resting = (await copy())!.rowsDone;
    const { throttle } = await answer<{ throttle: object }>('migrations', 'list');
    expect(throttle).toEqual({ rowsPerSecond: 50, between: times, resting: true });
    await sleep(1_500);
    expect((await copy())!.rowsDone).toBe(resting);

    expect(await answer('migrations', 'throttle', '--off')).toMatchObject({
      rowsPerSecond: null,
      between: '',
      resting: false,
    });
    expect(await server.gizzard.migrations.atRest(id, AbortSignal.timeout(50_000))).toMatchObject({ state: 'settled' });
  });

  it('slows the search for stray rows too', async () => {
    await answer('migrations', 'throttle', '--rows-per-second', '40');
    const { strays } = server.gizzard;
    const stop = new AbortController();
    const pages: number[] = [];
    const ids = (await strays.leavesOf()).map(({ id }) => id);
    const search = strays.examine(ids, {
      signal: stop.signal,
      onProgress: ({ rows }) => {
        pages.push(rows);
        if (pages.length === 2) stop.abort();
      },
    });
    await expect(search).rejects.toMatchObject({ name: 'AbortError' });
    expect(pages).toEqual([40, 80]);
    await answer('migrations', 'throttle', '--off');
  });

  it('rolls a migration back also outside of the times', async () => {
    await answer('migrations', 'throttle', '--between', otherTimes());
    const { migrations } = await answer<{ migrations: number[] }>('move', `${db1}/follows_backward_0000`, db2, '--yes');
    const [id] = migrations as [number];
    await until(async () => (await server.gizzard.migrations.show(id)).error.startsWith('rests until'));
    await answer('migrations', 'rollback', String(id), '--yes');
    expect(await server.gizzard.migrations.atRest(id, AbortSignal.timeout(30_000))).toMatchObject({
      state: 'rolledBack',
    });
    await answer('migrations', 'throttle', '--off');
  });
});
