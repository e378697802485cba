import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { Deadline } from '../core/index.js';
import { timedJob, timedJobType, type Gizzard } from '../gizzard/index.js';
import type { DatabaseHost } from '../mysql/index.js';
import { freshCluster } from '../test/support/index.js';
import type { WriteOptions } from '../wire/index.js';
import { type Cluster, defineStore, journalWrite, openCluster } from './index.js';

interface Mark {
  readonly key: bigint;
  readonly text: string;
  readonly at: bigint;
}

const table = 1;
const sqlDeadlineMs = 5_000;
const body = ({ key, text }: Omit<Mark, 'at'>): Buffer => Buffer.from(JSON.stringify([String(key), text]));

/** A text for each key: the later write wins. */
class Marks {
  constructor(private readonly gizzard: Gizzard) {}

  set(key: bigint, text: string, options: WriteOptions = {}): Promise<void> {
    return journalWrite(this.gizzard, [timedJob('test.marks', body({ key, text }))], options);
  }

  get(key: bigint): Promise<string | undefined> {
    const { topology, config } = this.gizzard;
    return this.gizzard.read(
      topology.route(table, key),
      Deadline.after(sqlDeadlineMs),
      async (host: DatabaseHost, leaf, left) => {
        const sql = `SELECT text FROM \`${config.cluster}\`.\`${leaf.shard.id.tablePrefix}_marks\` WHERE k = ?`;
        return (await host.rows(sql, [key], left))[0]?.[0] as string | undefined;
      },
    );
  }
}

const marksStore = defineStore({
  name: 'marks',
  open: ({ gizzard }) => new Marks(gizzard),
  shardTypes: (_marks, { config: { cluster } }) => [
    {
      name: 'marks',
      async create(host: DatabaseHost, { id }, deadline) {
        await host.run(`CREATE DATABASE IF NOT EXISTS \`${cluster}\``, [], deadline);
        await host.run(
          `CREATE TABLE IF NOT EXISTS \`${cluster}\`.\`${id.tablePrefix}_marks\` (k BIGINT PRIMARY KEY, text VARCHAR(100), at BIGINT)`,
          [],
          deadline,
        );
      },
    },
  ],
  jobTypes: (_marks, { config: { cluster } }) => [
    timedJobType<Mark, DatabaseHost>({
      kind: 'test.marks',
      split(bytes, at, add) {
        const [key, text] = JSON.parse(bytes.toString()) as [string, string];
        add(table, BigInt(key), { key: BigInt(key), text, at });
      },
      async apply(host, { shard }, marks, deadline) {
        const name = `\`${cluster}\`.\`${shard.id.tablePrefix}_marks\``;
        for (const { key, text, at } of marks)
          await host.run(
            `INSERT INTO ${name} VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE text = IF(VALUES(at) > at, VALUES(text), text), at = GREATEST(at, VALUES(at))`,
            [key, text, at],
            deadline,
          );
        return [];
      },
    }),
  ],
});

const { config: bounded } = freshCluster('own_store');
// A server whose clock is wrong by more than the bound refuses writes; here it takes them, so that nothing but the journal keeps the order.
const config = { ...bounded, server: { ...bounded.server, maxClockSkewMs: Infinity } };
let first: Cluster<readonly [typeof marksStore]>;
let second: Cluster<readonly [typeof marksStore]>;

beforeAll(async () => {
  first = await openCluster(config, [marksStore], { work: true, create: true });
  const leaf = { hostname: Object.keys(config.databaseHosts)[0]!, tablePrefix: 'only' };
  await first.gizzard.apply([
    { kind: 'createTable', table: { tableId: table, name: 'marks', service: 'marks', hash: 'identity' } },
    { kind: 'createShard', shard: { id: leaf, type: 'marks', attributes: {}, busy: 'normal' } },
    { kind: 'setForwarding', forwarding: { tableId: table, baseId: 0n, shard: leaf } },
  ]);
  second = await openCluster(config, [marksStore]);
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => Promise.all([first.close(), second.close()]));

it("lets the later write win, although its server's clock is an hour behind", async () => {
  const now = Date.now;
  await first.stores.marks.set(1n, 'of the server ahead', { acknowledgment: 'materialized' });
  vi.spyOn(Date, 'now').mockImplementation(() => now() - 3_600_000);
  await second.stores.marks.set(1n, 'of the server behind', { acknowledgment: 'materialized' });
  expect(await first.stores.marks.get(1n)).toBe('of the server behind');
});

it('refuses a job from outside with a time of more than a day ahead', async () => {
  const payload = timedJob('test.marks', body({ key: 1n, text: '' }), BigInt(Date.now() + 2 * 86_400_000) * 1_000n);
  const json = JSON.stringify({ 'test.marks': { payload: payload.payload.toString('base64') } });
  await expect(first.gizzard.jobs.parse(json)).rejects.toThrow('times are microseconds from 1970 to a day from now');
});
