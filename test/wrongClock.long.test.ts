import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { composeSnowflake, parseSnowflake } from '../core/index.js';
import { connect, type Roost } from '../sdk/index.js';
import { callRoost } from './callRoost.js';
import { type ServeProcess, startServeProcess } from './serveProcess.js';
import { freshCluster } from './support/index.js';

// Runs a server whose wall clock is five days ahead beside a server whose clock is right. Needs libfaketime.
const libraries = '/usr/lib';
const faketime = existsSync(libraries)
  ? readdirSync(libraries)
      .map((folder) => join(libraries, folder, 'faketime/libfaketimeMT.so.1'))
      .find(existsSync)
  : undefined;
const dayMs = 86_400_000;

describe.skipIf(faketime === undefined)('a server whose clock is five days ahead', () => {
  const cluster = freshCluster('wrongclock');
  const servers: ServeProcess[] = [];
  const clients: Roost[] = [];
  const wait = { acknowledgment: 'materialized' as const };
  const ids = [2, 1, 0.2].map((days) =>
    composeSnowflake({ timeMs: Date.now() - days * dayMs, worker: 1, sequence: 0 }),
  );

  beforeAll(async () => {
    for (const args of [
      ['tweets', 'setup', '--window', '1h', '--ahead', '2s', '--stripes', '1', '--retention', '3d'],
      ['users', 'setup'],
    ]) {
      expect(await callRoost([...args, '--config', cluster.configPath], '/')).toMatchObject({ exitCode: 0 });
    }
    const wrong = {
      LD_PRELOAD: faketime,
      FAKETIME: '+5d',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
    for (const environment of [{}, wrong]) {
      const server = await startServeProcess(cluster.configPath, environment);
      servers.push(server);
      const address = (port: number): string[] => [`127.0.0.1:${port}`];
      clients.push(
        await connect({
          servers: address(server.ready.flock.port),
          tweetServers: address(server.ready.tbird.port),
          userServers: address(server.ready.users.port),
        }),
      );
    }
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(servers.map((server) => server.stop()));
  });

  it('drops no window, makes right ids, and accepts no write', async () => {
    const [right, fast] = clients as [Roost, Roost];
    for (const id of ids) await right.tweets.create({ id, userId: 1, text: `tweet ${id}` }, wait);
    await expect(fast.tweets.create({ userId: 1, text: 'now' }, wait)).rejects.toThrow(
      'the clock of this server is 5.0 days ahead',
    );
    const [reserved] = await fast.tweets.reserveIds(1);
    expect(Math.abs(parseSnowflake(reserved!).timeMs - Date.now())).toBeLessThan(10_000);
    // The fast server also works on writes that others accept.
    for (let round = 0; round < 10; round++) {
      await right.users.put({ id: 1n, name: `name ${round}`, screenName: 'one', flags: 0 }, wait);
      expect((await fast.users.get(1n))?.name).toBe(`name ${round}`);
      await right.tweets[round % 2 === 0 ? 'delete' : 'undelete'](ids[2]!, wait);
    }
    // The fast server's roller rolls every 250 ms.
    await sleep(3_000);
    expect((await fast.tweets.getMany(ids)).map((tweet) => tweet?.text)).toEqual(ids.map((id) => `tweet ${id}`));
    expect(await fast.tweets.droppedWindows()).toEqual([]);
    const readiness = async (server: ServeProcess): Promise<{ status: number; text: string }> => {
      const answer = await fetch(`http://127.0.0.1:${server.ready.admin.port}/readyz`);
      return { status: answer.status, text: await answer.text() };
    };
    expect(await readiness(servers[0]!)).toMatchObject({ status: 200 });
    expect(await readiness(servers[1]!)).toMatchObject({
      status: 503,
      text: expect.stringContaining('the clock of this server is') as string,
    });
    const doctor = await callRoost(['doctor', '--json', '--config', cluster.configPath], '/');
    expect(doctor.stdout + doctor.stderr).toContain('wrongClock');
  });
});
