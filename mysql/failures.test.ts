import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { startPlayground, type Playground } from '../playground/index.js';
import { leaf, node, topologyOf } from '../test/conformance/trees.js';
import { readAny } from '../gizzard/routing/readAny.js';
import { Topology } from '../gizzard/topology/topology.js';
import { loadConfig, silentLog, type RoostConfig } from '../process/index.js';
import { DatabaseHosts } from './databaseHosts.js';

const dir = mkdtempSync(join(tmpdir(), 'roost-hosts-'));
let playground: Playground;
let config: RoostConfig;
const opened: DatabaseHosts[] = [];

beforeAll(async () => {
  playground = await startPlayground({ dir, databaseHosts: 2, caches: 0 });
  ({ config } = loadConfig({ path: playground.configPath, environment: {} }));
});
afterAll(async () => {
  await Promise.all(opened.map((hosts) => hosts.close()));
  await playground.stop();
  rmSync(dir, { recursive: true, force: true });
});

function open(pool: Partial<RoostConfig['pool']> = {}): DatabaseHosts {
  const hosts = new DatabaseHosts(
    { databaseHosts: config.databaseHosts, pool: { ...config.pool, connectTimeoutMs: 300, ...pool } },
    silentLog,
  );
  opened.push(hosts);
  return hosts;
}

const { route } = new Topology(topologyOf(node('replicating', leaf('db1'), leaf('db2')))).locate(1, 0n);
/** Reads from either host, as a request does; says from which. */
const readFrom = (hosts: DatabaseHosts, deadlineMs = 5_000): Promise<string> =>
  readAny(route, Deadline.after(deadlineMs), hosts.isHealthy, async (leaf, deadline) => {
    const { hostname } = leaf.shard.id;
    await hosts.host(hostname).rows('SELECT 1', [], deadline);
    return hostname;
  });

describe('a host that is killed', () => {
  it('costs no read, is left alone, and is found again by a probe', async () => {
    const hosts = open();
    for (let i = 0; i < 20; i++) await readFrom(hosts);
    await playground.kill('db1');
    const seen = new Set<string>();
    for (let i = 0; i < 50; i++) seen.add(await readFrom(hosts));
    expect([...seen]).toEqual(['db2']);
    expect(hosts.host('db1').health.down).toBe(true);
    expect(hosts.isHealthy('db2')).toBe(true);

    await playground.restart('db1');
    await expect.poll(() => readFrom(hosts), { timeout: 20_000 }).toBe('db1');
    expect(hosts.host('db1').health.down).toBe(false);
  });

  it('fails the statements under way as Unavailable', async () => {
    const host = open().host('db2');
    const statement = host.rows('SELECT SLEEP(30)', [], Deadline.after(20_000));
    const outcome = expect(statement).rejects.toMatchObject({
      code: 'Unavailable',
      retryable: true,
      fields: { host: 'db2' },
    });
    await expect.poll(() => host.inUse).toBe(1);
    await playground.kill('db2');
    await outcome;
    await playground.restart('db2');
    await expect
      .poll(() => host.rows('SELECT 1', [], Deadline.after(1_000)).catch(() => undefined), { timeout: 20_000 })
      .toEqual([[1]]);
  });
});

describe('a host that hangs', () => {
  it('costs a read at most half of its deadline, is then left alone, and is found again', async () => {
    const hosts = open();
    for (const name of ['db1', 'db2']) await hosts.host(name).rows('SELECT 1', [], Deadline.after(5_000));
    await playground.pause('db1');
    try {
      for (let i = 0; i < 30; i++) expect(await readFrom(hosts, 2_000)).toBe('db2');
      await expect
        .poll(() => hosts.host('db1').health.down || readFrom(hosts, 2_000).then(() => false), { timeout: 20_000 })
        .toBe(true);
    } finally {
      await playground.resume('db1');
    }
    await expect.poll(() => readFrom(hosts), { timeout: 20_000 }).toBe('db1');
  });

  it('stays unhealthy while its pool refuses callers', async () => {
    const hosts = open({ size: 1, waiting: 1 });
    const host = hosts.host('db1');
    await playground.pause('db1');
    try {
      const ask = (): Promise<unknown> =>
        host.rows('SELECT 1', [], Deadline.after(400)).catch((error: unknown) => error);
      for (let i = 0; i < 3; i++) await ask();
      expect(host.health.down).toBe(true);
      const said = await Promise.all([ask(), ask(), ask()]);
      expect(said).toContainEqual(expect.objectContaining({ code: 'Overloaded' }));
      expect(host.health.down).toBe(true);
    } finally {
      await playground.resume('db1');
    }
  });

  it('cancels its statements when it resumes', async () => {
    const hosts = open();
    const host = hosts.host('db1');
    const statement = host.rows("SELECT SLEEP(60), 'asked before the pause'", [], Deadline.after(1_000));
    const outcome = expect(statement).rejects.toMatchObject({ code: 'DeadlineExceeded' });
    await expect.poll(() => host.inUse).toBe(1);
    await playground.pause('db1');
    try {
      await outcome;
    } finally {
      await playground.resume('db1');
    }
    // The order to kill it may have been lost as well; the server's own limit, and the closed connection, remain.
    const running = async (): Promise<number> => {
      const rows = await host.rows(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%asked before the pause%' AND id <> CONNECTION_ID()",
        [],
        Deadline.after(5_000),
      );
      return Number(rows[0]![0]);
    };
    await expect.poll(() => running().catch(() => -1), { timeout: 20_000 }).toBe(0);
  });

  it('does not keep its pool from closing, nor the process from ending', async () => {
    const hosts = open({ size: 4 });
    const host = hosts.host('db1');
    await Promise.all(Array.from({ length: 4 }, () => host.rows('SELECT SLEEP(0.05)', [], Deadline.after(5_000))));
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((type) => type === 'TCPSocketWrap' || type === 'PipeWrap').length;
    const before = sockets();
    await playground.pause('db1');
    try {
      const stuck = Promise.allSettled(Array.from({ length: 6 }, () => host.rows('SELECT 1', [], Deadline.after(400))));
      const outcomes = await stuck;
      expect(outcomes.map(({ status }) => status)).toEqual(new Array(6).fill('rejected'));
      await hosts.close();
      // While the host still hangs: what the kernel does with it later is not what closes our side.
      await expect.poll(sockets).toBeLessThanOrEqual(before - 4);
    } finally {
      await playground.resume('db1');
    }
  });

  it('fails a single read of it at the deadline, with its name', async () => {
    const hosts = open();
    const only = new Topology(topologyOf(leaf('db2'))).route(1, 0n);
    await playground.pause('db2');
    try {
      const read = readAny(only, Deadline.after(500), hosts.isHealthy, (_leaf, deadline) =>
        hosts.host('db2').rows('SELECT 1', [], deadline),
      );
      await expect(read).rejects.toMatchObject({
        message: expect.stringMatching(/no replica of shard db2\/leaf answered: db2\/leaf: /) as string,
      });
    } finally {
      await playground.resume('db2');
    }
  });
});

describe('a password that is rotated', () => {
  it('costs no read: new connections log in with what its file holds then', async () => {
    const passwordFile = join(dir, 'password');
    const root = open().host('db2');
    const rootRuns = (sql: string): Promise<unknown> => root.run(sql, [], Deadline.after(5_000));
    await rootRuns("CREATE USER rotated IDENTIFIED BY 'one'");
    writeFileSync(passwordFile, 'one\n');
    const db2 = { ...config.databaseHosts['db2']!, socketPath: undefined, user: 'rotated', password: '', passwordFile };
    const hosts = new DatabaseHosts({ databaseHosts: { db2 }, pool: config.pool }, silentLog);
    opened.push(hosts);
    const read = (): Promise<unknown> => hosts.host('db2').rows('SELECT 1', [], Deadline.after(5_000));
    for (const password of ['two', 'three']) {
      await Promise.all(Array.from({ length: 4 }, read));
      await rootRuns(`ALTER USER rotated IDENTIFIED BY '${password}'`);
      writeFileSync(passwordFile, `${password}\n`);
      // More at once than there are connections: some of them are new.
      await Promise.all(Array.from({ length: 12 }, read));
    }
  });
});
