import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { afterAll, expect, it } from 'vitest';
import { LeasedCache, openCaches } from '../cache/index.js';
import { serverReadySchema } from '../cli/serverReady.js';
import { callRoost } from './callRoost.js';
import { roostMain } from './runRoost.js';
import { freshCluster } from './support/index.js';

const { config, configPath } = freshCluster('journal_command');
const redis = new Redis(config.redis.port, config.redis.host);
/** Servers by their process, which may be a child of the process that was spawned. */
const running: { readonly child: ChildProcess; readonly pid: number }[] = [];

afterAll(async () => {
  for (const { child, pid } of running) {
    process.kill(pid, 'SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  }
  await redis.quit();
});

/** Starts a server, and returns its admin port. */
async function serve(command: readonly string[] = [], environment: NodeJS.ProcessEnv = {}): Promise<number> {
  const [program = '', ...args] = [
    ...command,
    process.execPath,
    roostMain,
    'serve',
    '--json',
    '--log-level',
    'silent',
    '--config',
    configPath,
  ];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...environment } });
  for await (const line of createInterface({ input: child.stdout })) {
    const { pid, admin } = serverReadySchema.parse(JSON.parse(line));
    running.push({ child, pid });
    return admin.port;
  }
  throw new Error('the server ended before it was ready');
}
const readyz = async (port: number): Promise<string> => {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
  return `${answer.status} ${await answer.text()}`;
};
const roost = async (...args: string[]): Promise<Record<string, unknown>> => {
  const { exitCode, stdout, stderr } = await callRoost([...args, '--json', '--config', configPath], '.');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as Record<string, unknown>;
};
const patient = { timeout: 20_000 };

it('shows a journal that lost its data, adopts it once, and accepts writes again', async () => {
  const admin = await serve();
  await expect.poll(() => readyz(admin), patient).toMatch(/^200/);
  const whole = await roost('journal', 'status');
  expect(whole).toMatchObject({
    number: 1,
    settings: { role: 'master', appendOnly: true, maxMemoryPolicy: 'noeviction', appendFsync: 'always' },
  });
  expect(whole['epoch']).toBe(whole['nameServerEpoch']);
  expect(await roost('journal', 'adopt', '--yes')).toMatchObject({ adopted: false });

  const caches = await openCaches(config);
  let loads = 0;
  const cached = new LeasedCache(caches.main, {
    name: 'any',
    codec: { format: 1, encode: (value: Buffer) => value, decode: (body) => Buffer.from(body) },
    load: () => Promise.resolve(new Map([['key', Buffer.from(`load ${++loads}`)]])),
    ttlSeconds: 100,
    absentTtlSeconds: 100,
  });
  const read = async (): Promise<string> => String(await cached.getOne('key'));
  expect([await read(), await read()]).toEqual(['load 1', 'load 1']);

  await redis.del(...(await redis.keys(`{${config.cluster}}:*`)));
  await expect.poll(() => readyz(admin), patient).toMatch(/^503.*roost journal adopt/s);
  expect((await roost('journal', 'status'))['problem']).toMatch(/is empty/);
  const kinds = async (): Promise<string[]> =>
    (
      JSON.parse((await callRoost(['doctor', '--json', '--config', configPath], '.')).stdout) as {
        findings: { kind: string }[];
      }
    ).findings.map(({ kind }) => kind);
  await expect.poll(kinds, patient).toEqual(expect.arrayContaining(['journalLost', 'refusingServer']));
  expect((await callRoost(['journal', 'adopt', '--json', '--config', configPath], '.')).stderr).toMatch(
    /--yes.*roost doctor --fix.*roost check --repair/s,
  );

  expect(await read()).toBe('load 1');
  expect(await roost('journal', 'adopt', '--yes')).toMatchObject({
    adopted: true,
    number: 2,
    flushed: config.memcached,
  });
  expect(await read()).toBe('load 2');
  await caches.close();
  expect(await roost('journal', 'adopt', '--yes')).toMatchObject({ adopted: false });
  await expect.poll(() => readyz(admin), patient).toMatch(/^200/);
}, 60_000);

it.skipIf(spawnSync('faketime', ['--version']).error !== undefined)(
  'a server whose clock is an hour ahead is not ready, and says why',
  async () => {
    const admin = await serve(['faketime', '-f', '+1h'], { FAKETIME_DONT_FAKE_MONOTONIC: '1' });
    await expect
      .poll(() => readyz(admin), patient)
      .toMatch(/^503.*the clock of this server is 60\.0 minutes ahead of that of the journal's Redis/s);
  },
  60_000,
);
