import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createConnection, type Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alertRulesOf, scrapeJob } from '../cli/metrics/alertRules.js';
import { prometheusRules } from '../cli/metrics/prometheusRules.js';
import { stores } from '../cli/stores.js';
import type { AlertRule } from '../cluster/index.js';
import { openFlock } from '../flock/index.js';
import { freePorts } from '../playground/ports.js';
import type { Roost } from '../sdk/index.js';
import { openUsers } from '../users/index.js';
import { BackupProcess } from './backup/backupProcess.js';
import { callRoost } from './callRoost.js';
import { startServeProcess, type ServeProcess } from './serveProcess.js';
import { KillableCluster, patiently } from './support/killableCluster.js';
import { hasPrometheus, Prometheus } from './support/prometheus.js';

// Provokes what each alert is about, at real servers that a real Prometheus scrapes, until the alert fires; then repairs
// it, until the alert ends. The rules are those that `roost metrics alerts` prints, with a clock that is 15 times faster:
// their times are a fifteenth of what they are.

const alertRules = alertRulesOf(stores);

const faster = 15;

/** Bounds of rules that are times themselves, in seconds. */
const agesInRules: Readonly<Record<string, readonly [string, string]>> = {
  RoostWritesWait: ['> 300', '> 10'],
  RoostBackupBehind: ['> 60', '> 10'],
};

/** Alerts that nothing here provokes, and why. */
const notProvoked: Readonly<Record<string, string>> = {
  RoostClocksApart: 'needs a Redis with a clock of its own: gizzard/jobs/redisClock.long.test.ts has one',
  RoostTweetWindowsHeldBack: 'holds only while RoostClocksApart does',
};

function faster15({ expr, ...rule }: AlertRule): AlertRule {
  const [age, shorter] = agesInRules[rule.name] ?? ['', ''];
  expect(expr).toContain(age);
  return {
    ...rule,
    forSeconds: Math.ceil(rule.forSeconds / faster),
    expr: expr
      .replace(age, shorter)
      .replaceAll(/\[(\d+)m(:\d+s)?\]/g, (_, minutes: string, step?: string) =>
        step === undefined ? `[${(Number(minutes) * 60) / faster}s]` : `[${(Number(minutes) * 60) / faster}s:2s]`,
      ),
  };
}

/** The jobs that wait for a backup, or for another cluster, at most. */
const archived = 5_000;

const faketime = existsSync('/usr/lib')
  ? readdirSync('/usr/lib')
      .map((folder) => join('/usr/lib', folder, 'faketime/libfaketimeMT.so.1'))
      .find(existsSync)
  : undefined;

describe.skipIf(!hasPrometheus)('alerts', { timeout: 300_000 }, () => {
  let cluster: KillableCluster;
  let prometheus: Prometheus;
  let roost: Roost;
  let load: Promise<unknown>;
  let loading = true;
  /** What happens to reads and writes of the load now. */
  const fired = new Set<string>();

  beforeAll(async () => {
    process.env['NODE_OPTIONS'] = `--import ${join(import.meta.dirname, 'fixtures/faultyServer.mjs')}`;
    cluster = await KillableCluster.start({
      databaseHosts: 3,
      servers: 2,
      caches: 1,
      overrides: ({ configPath }) => ({
        nameServer: { hosts: ['db1', 'db3'], reloadSeconds: 0.2 },
        jobs: {
          errorDelaySeconds: 0.3,
          errorLimit: 1_000_000,
          claimAfterSeconds: 2,
          maxQueued: 500,
          maxReplicating: archived,
        },
        pool: {
          ...(JSON.parse(readFileSync(configPath, 'utf8')) as { pool?: object }).pool,
          size: 2,
          queryTimeoutMs: 4_000,
        },
      }),
      setUp: async (config) => {
        const flock = await openFlock(config, { create: true });
        await flock.createGraph('follows', { shards: 1, replicas: 1, hosts: ['db2'] });
        await flock.close();
        const users = await openUsers(config);
        await users.setup({ shards: 1, replicas: 1, hosts: ['db2'] });
        await users.close();
      },
    });
    prometheus = await Prometheus.start(prometheusRules(alertRules.map(faster15)), scrapeJob);
    scrapeServers();
    roost = await cluster.connect();
    load = Promise.all(Array.from({ length: 4 }, (_, lane) => readAndWrite(lane)));
  }, 180_000);

  afterAll(async () => {
    delete process.env['NODE_OPTIONS'];
    loading = false;
    await load;
    await roost?.close();
    await prometheus?.stop();
    await cluster?.stop();
  }, 60_000);

  const scrapeServers = (...more: readonly ServeProcess[]): void =>
    prometheus.scrape([
      ...cluster.servers.map(({ ready }) => ready.admin.port),
      ...more.map(({ ready }) => ready.admin.port),
    ]);

  /** A load that goes on whatever fails. */
  async function readAndWrite(lane: number): Promise<void> {
    const ignored = (): undefined => undefined;
    for (let i = 0; loading; i++) {
      const graph = await roost.graph('follows').catch(ignored);
      const options = { deadlineMs: 2_000 };
      await Promise.all([
        graph?.add(lane, 1_000 + (i % 500), options).catch(ignored),
        graph
          ?.from(lane)
          .edgePage({ count: 10, ...options })
          .catch(ignored),
        roost.users.getMany([1 + (i % 500)], options).catch(ignored),
      ]);
      await sleep(50);
    }
  }

  const ask = async (...args: string[]): Promise<void> => {
    const { exitCode, stderr } = await callRoost([...args, '--config', cluster.configPath], '.');
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  };

  /** Waits until some alerts fire under a fault, repairs it, and waits until none of them fires. */
  async function provoke(names: readonly string[], fault: () => Promise<unknown>, repair: () => Promise<unknown>) {
    const those = async (): Promise<string[]> =>
      (await prometheus.firing()).filter((name) => names.includes(name)).sort();
    await expect.poll(those, { timeout: 80_000, interval: 500 }).toEqual([]);
    await fault();
    try {
      await expect.poll(those, { timeout: 80_000, interval: 500 }).toEqual([...names].sort());
    } finally {
      await repair();
    }
    await expect.poll(those, { timeout: 80_000, interval: 500 }).toEqual([]);
    for (const name of names) fired.add(name);
  }

  it('a server is gone', () =>
    provoke(
      ['RoostServerDown'],
      () => cluster.servers[1]!.kill(),
      () => cluster.servers[1]!.start(),
    ));

  it('a database host is gone', () =>
    provoke(
      ['RoostCallsFail', 'RoostDatabaseHostDown', 'RoostWritesWait'],
      () => cluster.playground.kill('db2'),
      () => cluster.playground.restart('db2'),
    ));

  it('a host of the name server is gone', () =>
    provoke(
      ['RoostNameServersDiffer'],
      () => cluster.playground.kill('db1'),
      () => cluster.playground.restart('db1'),
    ));

  it('the whole name server is gone', () =>
    provoke(
      ['RoostTopologyStale'],
      () => Promise.all([cluster.playground.kill('db1'), cluster.playground.kill('db3')]),
      () => Promise.all([cluster.playground.restart('db1'), cluster.playground.restart('db3')]),
    ));

  it("the journal's Redis is gone", () =>
    provoke(
      ['RoostJournalDown', 'RoostServerRefusesWrites'],
      () => cluster.playground.kill('redis'),
      () => cluster.playground.restart('redis'),
    ));

  it('a cache node is gone', () =>
    provoke(
      ['RoostCacheNodesOut'],
      () => cluster.playground.kill('cache1'),
      () => cluster.playground.restart('cache1'),
    ));

  it('statements hang', async () => {
    const database = await connectTo('db2');
    const [rows] = await database.query({
      sql: "SELECT table_schema, table_name FROM information_schema.tables WHERE table_name LIKE 'follows%edges'",
      rowsAsArray: true,
    });
    const tables = (rows as string[][]).map(([schema, table]) => `\`${schema}\`.\`${table}\` WRITE`);
    expect(tables.length).toBeGreaterThan(0);
    await provoke(
      ['RoostCallsSlow', 'RoostConnectionsExhausted'],
      () => database.query(`LOCK TABLES ${tables.join()}`),
      () => database.query('UNLOCK TABLES'),
    );
    await database.end();
  });

  it('a queue is full', () =>
    provoke(
      ['RoostCallsRefused'],
      () => ask('job', 'pause', 'high'),
      () => ask('job', 'resume', 'high'),
    ));

  it('jobs cannot be read, or are of a kind that no server knows', async () => {
    const { host, port, password } = cluster.config.redis;
    const redis = new Redis({ host, port, ...(password === undefined ? {} : { password: String(password) }) });
    const queue = (await redis.keys('*')).find((key) => key.endsWith(':high'))!;
    await provoke(
      ['RoostBadJobs', 'RoostUnknownJobs'],
      async () => {
        await redis.xadd(queue, '*', 'what', 'no job');
        await redis.xadd(queue, '*', 'kind', 'test.unknown', 'payload', 'x', 'accepted', String(Date.now()));
      },
      async () => {
        await ask('job', 'discard', 'high', '--queue', 'bad', '--yes');
        await ask('job', 'discard', 'high', '--queue', 'failing', '--yes');
      },
    );
    redis.disconnect();
  });

  it('a server meets a fault in Roost', () =>
    provoke(
      ['RoostFault'],
      () => Promise.resolve(cluster.servers[0]!.signal('SIGUSR2')),
      () => Promise.resolve(),
    ));

  it('an event loop is held up', () =>
    provoke(
      ['RoostEventLoopHeld'],
      () => Promise.resolve(cluster.servers[0]!.signal('SIGUSR1')),
      () => Promise.resolve(cluster.servers[0]!.signal('SIGUSR1')),
    ));

  it('a remote cluster does not answer', async () => {
    const [port] = await freePorts(1);
    await provoke(
      ['RoostRemoteJobsFail'],
      () => ask('host', 'add-remote', 'west', `127.0.0.1:${port}`),
      () => ask('host', 'remove-remote', `127.0.0.1:${port}`, '--yes'),
    );
  });

  it('a backup is behind, and then has a gap', async () => {
    const place = join(dirname(cluster.configPath), 'backup');
    let running: BackupProcess | undefined;
    const follow = (): Promise<void> => {
      running = new BackupProcess(['backup', 'run', place, '--follow', '--config', cluster.configPath], '.', {});
      return Promise.resolve();
    };
    await follow();
    await running!.until('a dump is made', () => running!.stdout.includes('is whole'));
    await provoke(['RoostBackupBehind'], () => running!.kill(), follow);
    await provoke(
      ['RoostBackupGap'],
      async () => {
        await running!.kill();
        const graph = await roost.graph('follows');
        for (let i = 0; i < archived + 1_000; i += 100)
          await Promise.all(
            Array.from({ length: 100 }, (_, at) =>
              patiently(() => graph.batch((batch) => batch.add(7, 10_000 + i + at))),
            ),
          );
      },
      follow,
    );
    await running!.kill('SIGTERM');
  });

  it('a server reaches a host less than others do', async () => {
    const [port] = await freePorts(1);
    const { databaseHosts } = cluster.config;
    const server = await otherServer('apart', { databaseHosts: { ...databaseHosts, db3: away(port!) } });
    await provoke(
      ['RoostDatabaseHostUnreachableFromSome'],
      () => Promise.resolve(scrapeServers(server)),
      async () => {
        await server.stop();
        scrapeServers();
      },
    );
  });

  it.skipIf(faketime === undefined)('a clock is wrong', async () => {
    const server = await otherServer('clock', {}, { LD_PRELOAD: faketime, FAKETIME: '+5d', DONT_FAKE_MONOTONIC: '1' });
    await provoke(
      ['RoostClockWrong'],
      () => Promise.resolve(scrapeServers(server)),
      async () => {
        await server.stop();
        scrapeServers();
      },
    );
  });

  it('has provoked every other alert', () => {
    const all = [...fired, ...Object.keys(notProvoked), ...(faketime === undefined ? ['RoostClockWrong'] : [])];
    expect(all.sort()).toEqual(alertRules.map(({ name }) => name).sort());
  });

  const away = (port: number) => ({ host: '127.0.0.1', port, user: 'none', password: 'none' });

  /** A third server, with another configuration. */
  async function otherServer(
    name: string,
    changes: object,
    environment: NodeJS.ProcessEnv = {},
  ): Promise<ServeProcess> {
    const path = join(dirname(cluster.configPath), `${name}.config.json`);
    const config = JSON.parse(readFileSync(cluster.configPath, 'utf8')) as Record<string, object>;
    const server = { ...config['server'], ...anyPorts };
    writeFileSync(path, JSON.stringify({ ...config, server, ...changes }));
    return startServeProcess(path, environment);
  }

  async function connectTo(name: string): Promise<Connection> {
    const { socketPath, host, port, user, password } = cluster.config.databaseHosts[name]!;
    return createConnection({
      user,
      password: String(password),
      ...(socketPath === undefined ? { host, port } : { socketPath }),
    });
  }
});

const anyPorts = Object.fromEntries(
  ['flock', 'tbird', 'users', 'timeline', 'manager', 'injector', 'admin'].map((name) => [`${name}Port`, 0]),
);
