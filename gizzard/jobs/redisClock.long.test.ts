import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RoostConfig } from '../../process/index.js';
import { canMoveClocks, makeClockLibrary, moveClock } from '../../test/support/movedClock.js';
import { append, failOn, notesOf, notesTopology, openNotes } from '../../test/support/notes.js';
import { freshCluster } from '../../test/support/index.js';
import type { Gizzard } from '../gizzard.js';

const idle = { queued: 0, failing: 0, bad: 0 };
const dir = mkdtempSync(join(tmpdir(), 'roost-redis-clock-'));
const setClock = (offsetSeconds: number): void => moveClock(dir, offsetSeconds * 1_000);
const canRun = canMoveClocks && spawnSync('redis-server', ['--version']).status === 0;
const { config } = freshCluster('redis_clock', { jobs: { errorDelaySeconds: 0.2 } });
const [db1, db2] = Object.keys(config.databaseHosts) as [string, string];
let server: ChildProcess | undefined;
let redis: Redis | undefined;
let own: RoostConfig;
const opened: Gizzard[] = [];

beforeAll(async () => {
  if (!canRun) return;
  setClock(0);
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  free.close();
  await once(free, 'close');
  server = spawn(
    'redis-server',
    [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      dir,
      '--appendonly',
      'yes',
      '--save',
      '',
      '--maxmemory-policy',
      'noeviction',
    ],
    {
      stdio: 'ignore',
      cwd: dir,
      env: { ...process.env, LD_PRELOAD: makeClockLibrary(dir) },
    },
  );
  own = { ...config, redis: { ...config.redis, host: '127.0.0.1', port } };
  redis = new Redis(port, '127.0.0.1', { retryStrategy: () => 100 });
  redis.on('error', () => undefined);
  await redis.ping();
});
afterAll(async () => {
  await Promise.all(opened.map((gizzard) => gizzard.close()));
  redis?.disconnect();
  if (server !== undefined) {
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
  }
  rmSync(dir, { recursive: true, force: true });
});

it.skipIf(!canRun).each([
  ['forward', 3_600, 3_600],
  ['forward and back', 3_600, 0],
  ['back', -3_600, -3_600],
])(
  "failed jobs are tried again though Redis's clock jumps %s",
  async (name, during, after) => {
    setClock(0);
    let failing = true;
    const gizzard = openNotes(
      { ...own, cluster: `${config.cluster}_${name.replaceAll(' ', '_')}` },
      { beforeApply: failOn(`${db2}/first`, 'Unavailable', () => failing) },
    );
    opened.push(gizzard);
    await gizzard.nameServer.create();
    await gizzard.apply(notesTopology([db1, db2]));
    await gizzard.start({ work: true });
    await append(gizzard, [{ key: 1n, value: 1 }], { wait: true });
    setClock(during);
    const [seconds] = await redis!.time();
    expect(Math.abs(Number(seconds) - Date.now() / 1_000)).toBeGreaterThan(3_500);
    await expect
      .poll(
        () =>
          append(gizzard, [{ key: 1n, value: 2 }]).then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    await expect.poll(async () => (await gizzard.jobs.sizes('high')).failing, { timeout: 10_000 }).toBe(2);
    setClock(after);
    failing = false;
    await expect.poll(() => gizzard.jobs.sizes('high'), { timeout: 20_000 }).toEqual(idle);
    expect((await notesOf(gizzard))[`${db2}/first`]).toEqual(['1=1', '1=2']);
  },
  60_000,
);
