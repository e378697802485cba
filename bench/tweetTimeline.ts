import type { Pool, RowDataPacket } from 'mysql2/promise';
import { firstIdAt } from '../core/index.js';
import { openTbird } from '../tbird/index.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { rawPool } from './raw/rawConnection.js';
import { latencies, median } from './statistics.js';
import { setUpTweets } from './tweetsSetup.js';

const rowsAUser = 1_000;
const smallUsers = 10;
const largeUsers = 10_000;
const usersPerStatement = 50;
const reads = 1_000;
const rounds = 5;
const pageSize = 20;

/** The newest tweets of a user from the index, with few and with many rows in it, beside mysql2 alone on the same table. */
export const tweetTimeline: Benchmark = {
  name: 'tweetTimeline',
  about: `the newest ${pageSize} of a user, with ${smallUsers * rowsAUser} and with ${largeUsers * rowsAUser} rows in the index`,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    await setUpTweets(config, 1, 1);
    const pool = rawPool(config, 4);
    const table = await indexTable(config);
    const first = firstIdAt(Date.now() - 60_000);
    await fill(pool, table, first, 1, smallUsers);
    const small = await measure(smallUsers);
    await fill(pool, table, first, smallUsers + 1, largeUsers);
    const large = await measure(largeUsers);
    await pool.query('DROP DATABASE raw_numbers');
    await pool.end();
    return [
      { name: 'ours, few rows', value: small.ours, unit: 'ms' },
      { name: 'ours, many rows', value: large.ours, unit: 'ms' },
      { name: 'many / few', value: large.ours / small.ours, unit: '', target: { atMost: 1.3 } },
      { name: 'raw page, many rows', value: large.raw, unit: 'ms' },
      { name: 'ours / raw', value: large.ours / large.raw, unit: '', target: { atMost: 3 } },
    ];

    async function measure(users: number): Promise<{ ours: number; raw: number }> {
      const user = (i: number): number => 1 + ((i * 7919) % users);
      const ours = async (i: number): Promise<void> => {
        const ids = await roost.tweets.timelineIds(user(i), { count: pageSize });
        if (ids.length !== pageSize) throw new Error(`a page of ${ids.length}`);
      };
      const raw = async (i: number): Promise<void> => {
        const [rows] = await pool.execute<RowDataPacket[]>(`SELECT destination_id, position FROM ${table} WHERE source_id = ? AND state = 0 ORDER BY position DESC LIMIT ${pageSize}`, [user(i)]);
        if (rows.length !== pageSize) throw new Error(`a raw page of ${rows.length}`);
      };
      const took: { ours: number; raw: number }[] = [];
      for (let round = 0; round <= rounds; round++) {
        const one = { raw: median(await latencies(reads, 1, raw)), ours: median(await latencies(reads, 1, ours)) };
        if (round > 0) took.push(one);
      }
      return { ours: median(took.map((one) => one.ours)), raw: median(took.map((one) => one.raw)) };
    }
  },
};

/** The forward table of the authors' index, which has one shard. */
async function indexTable(config: BenchCluster['config']): Promise<string> {
  const tbird = await openTbird(config);
  try {
    const [route] = tbird.gizzard.topology.routes(tbird.graphs().byUser);
    return `\`${config.cluster}\`.\`${route!.leaves[0]!.shard.id.tablePrefix}_edges\``;
  } finally {
    await tbird.close();
  }
}

/** Rows of users, written by the database itself: going through the journal would take minutes and make the same rows. */
async function fill(pool: Pool, table: string, first: bigint, fromUser: number, toUser: number): Promise<void> {
  await pool.query('CREATE DATABASE IF NOT EXISTS raw_numbers');
  await pool.query('CREATE TABLE IF NOT EXISTS raw_numbers.n (n INT NOT NULL PRIMARY KEY)');
  await pool.query('INSERT IGNORE INTO raw_numbers.n VALUES ?', [Array.from({ length: rowsAUser }, (_, n) => [n])]);
  for (let user = fromUser; user <= toUser; user += usersPerStatement) {
    const last = Math.min(toUser, user + usersPerStatement - 1);
    await pool.query(
      `INSERT INTO ${table} (source_id, state, position, destination_id, own_state, updated_at, positioned_at)
       SELECT u.n, 0, ? + t.n * 100000 + u.n, ? + t.n * 100000 + u.n, 0, 1, 1
       FROM (SELECT n + ? AS n FROM raw_numbers.n WHERE n <= ?) u CROSS JOIN raw_numbers.n t ORDER BY u.n, t.n`,
      [first.toString(), first.toString(), user, last - user].map((value) => (typeof value === 'string' ? BigInt(value) : value)),
    );
  }
}
