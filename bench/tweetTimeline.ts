import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, RowDataPacket } from 'mysql2/promise';
import { Deadline, firstIdAt } from '../core/index.js';
import { openTbird } from '../tbird/index.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { rawPool } from './raw/rawConnection.js';
import { latencies, median } from './statistics.js';
import { setUpTweets } from './tweetsSetup.js';
import { rounds, sized } from './settings.js';

const rowsAUser = 1_000;
const smallUsers = 10;
const largeUsers = sized(10_000);
const usersPerStatement = 200;
const fillers = 2;
const reads = sized(1_000);
const pageSize = 20;
const writeBackWithinMs = 120_000;
const dirtyPagesAtRest = 100;

/** The edge states that each timeline reads: originals alone, or replies and retweets too. */
const questions = { originals: [0], all: [0, 1, 2] } as const;
type Question = keyof typeof questions;
type Times = Record<Question, { ours: number; raw: number }>;

/**
 * The newest tweets of a user from the index, with few and with many rows in it, over RPC. Beside mysql2 alone with
 * the same question on the same table: a prepared statement that reads the newest rows of one range of the primary
 * key; for all kinds, the three ranges that hold them, which the caller merges. Both answer with ids.
 */
export const tweetTimeline: Benchmark = {
  name: 'tweetTimeline',
  meaning: 'How long a page of one author’s tweets takes, with few authors and with many.',
  about: `ids of the newest ${pageSize} of a user, with ${smallUsers * rowsAUser} and with ${largeUsers * rowsAUser} rows in the index`,
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
    return (['originals', 'all'] as const).flatMap((question): Figure[] => [
      { name: `${question}: ours, few rows`, value: small[question].ours, unit: 'ms' },
      { name: `${question}: ours, many rows`, value: large[question].ours, unit: 'ms' },
      { name: `${question}: raw, few rows`, value: small[question].raw, unit: 'ms' },
      {
        name: `${question}: many / few`,
        value: large[question].ours / small[question].ours,
        unit: '',
        target: { atMost: 1.3 },
      },
      { name: `${question}: raw, many rows`, value: large[question].raw, unit: 'ms' },
      {
        name: `${question}: ours / raw`,
        value: large[question].ours / large[question].raw,
        unit: '',
        target: { atMost: 3 },
      },
    ]);

    async function measure(users: number): Promise<Times> {
      const user = (i: number): number => 1 + ((i * 7919) % users);
      const expect = (found: number): void => {
        if (found !== pageSize) throw new Error(`a page of ${found}`);
      };
      const ours = (question: Question) => async (i: number) =>
        expect(
          (
            await roost.tweets.timelineIds(user(i), {
              count: pageSize,
              replies: question === 'all',
              retweets: question === 'all',
            })
          ).length,
        );
      const raw = (question: Question) => {
        const states = questions[question];
        const sql = states
          .map(
            (state) =>
              `(SELECT destination_id, position FROM ${table} WHERE source_id = ? AND state = ${state} ORDER BY position DESC LIMIT ${pageSize})`,
          )
          .join(' UNION ALL ');
        return async (i: number) => {
          const [rows] = await pool.execute<RowDataPacket[]>(
            sql,
            states.map(() => user(i)),
          );
          const page =
            states.length === 1
              ? rows
              : rows.sort((a, b) => Number(BigInt(b[1] as string) - BigInt(a[1] as string))).slice(0, pageSize);
          expect(page.length);
        };
      };
      const took: Times[] = [];
      const timesOf = async (question: Question) => ({
        raw: median(await latencies(reads, 1, raw(question))),
        ours: median(await latencies(reads, 1, ours(question))),
      });
      for (let round = 0; round <= rounds; round++) {
        const one = { originals: await timesOf('originals'), all: await timesOf('all') };
        // The first round warms both.
        if (round > 0) took.push(one);
      }
      const middle = (question: Question) => ({
        ours: median(took.map((one) => one[question].ours)),
        raw: median(took.map((one) => one[question].raw)),
      });
      return { originals: middle('originals'), all: middle('all') };
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

/** Writes rows of users by the database itself: the journal would take minutes to create the same rows. */
async function fill(pool: Pool, table: string, first: bigint, fromUser: number, toUser: number): Promise<void> {
  await pool.query('CREATE DATABASE IF NOT EXISTS raw_numbers');
  await pool.query('CREATE TABLE IF NOT EXISTS raw_numbers.n (n INT NOT NULL PRIMARY KEY)');
  await pool.query('INSERT IGNORE INTO raw_numbers.n VALUES ?', [Array.from({ length: rowsAUser }, (_, n) => [n])]);
  // Data lost in a crash is filled anew.
  await pool.query('SET GLOBAL innodb_flush_log_at_trx_commit = 0');
  let next = fromUser;
  const filler = async (): Promise<void> => {
    for (let user = next; user <= toUser; user = next) {
      next = user + usersPerStatement;
      await pool.query(
        `INSERT INTO ${table} (source_id, state, position, destination_id, own_state, updated_at, positioned_at)
         SELECT u.n, 0, ? + t.n * 100000 + u.n, ? + t.n * 100000 + u.n, 0, 1, 1
         FROM (SELECT n + ? AS n FROM raw_numbers.n WHERE n <= ?) u CROSS JOIN raw_numbers.n t ORDER BY u.n, t.n`,
        [first, first, user, Math.min(toUser, user + usersPerStatement - 1) - user],
      );
    }
  };
  await Promise.all(Array.from({ length: fillers }, filler));
  await pool.query('SET GLOBAL innodb_flush_log_at_trx_commit = 1');
  await untilWrittenBack(pool);
}

/** Waits until the database has written back the filled rows: until then, that work slows its reads. */
async function untilWrittenBack(pool: Pool): Promise<void> {
  await pool.query('SET GLOBAL innodb_max_dirty_pages_pct = 0');
  const deadline = Deadline.after(writeBackWithinMs);
  for (;;) {
    const [[status]] = await pool.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'");
    if (Number(status?.[1]) <= dirtyPagesAtRest) return;
    deadline.check('writing back');
    await sleep(100);
  }
}
