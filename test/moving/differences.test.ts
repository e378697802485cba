import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { ShardDatabase } from '../../mysql/index.js';
import { tweetsTable } from '../../tbird/storage/tweetTable.js';
import { FlockTables } from '../../flock/storage/flockTables.js';
import { flockShardType } from '../../flock/storage/flockShardType.js';
import type { MovableTable, ShardInfo, ShardType } from '../../gizzard/index.js';
import { DatabaseHosts } from '../../mysql/index.js';
import { PageMover } from '../../gizzard/moving/pageMover.js';
import { silentLog } from '../../process/index.js';
import { tweetsShardType } from '../../tbird/storage/tweetsShardType.js';
import { usersShardType } from '../../users/usersShardType.js';
import { usersTable } from '../../users/userTable.js';
import { freshCluster } from '../support/index.js';

const { config } = freshCluster('differences');
const hosts = new DatabaseHosts(config, silentLog);
const hostOf = (name: string) => hosts.host(name);
const names = Object.keys(config.databaseHosts);
const deadline = (): Deadline => Deadline.after(20_000);
afterAll(() => hosts.close());

const loser = '[["12","2","b","3","4","5","6",7,"{}"]]';

/** Each entry is a table with two rows that fill every column. The node's counters are those of its edges. */
const stores: readonly (readonly [string, ShardType, readonly (readonly [table: string, rows: string])[]])[] = [
  [
    'flock',
    flockShardType(new FlockTables(new ShardDatabase(config.cluster))),
    [
      ['nodes', '(7, 2, 30, 40, 2, 0, 0, 0), (8, 1, 3, 4, 0, 0, 0, 0)'],
      ['edges', '(7, 0, 50, 1, 0, 9, 10, 1, 11, 12), (7, 0, 60, 2, 0, 9, 10, 1, 11, 12)'],
    ],
  ],
  [
    'tweets',
    tweetsShardType(tweetsTable.in(config.cluster)),
    [
      [
        'tweets',
        `(11, 2, 'a', 3, 4, 5, 6, 7, '{}', 8, 0, 9, '${loser}'), (12, 2, 'it''s', 3, 4, 5, 6, 7, '{}', 8, 0, 9, '${loser}')`,
      ],
    ],
  ],
  [
    'users',
    usersShardType(usersTable.in(config.cluster)),
    [['users', `(1, 'Jack', 2, 'jack', 3, 4, 5, 1, 6), (2, '🐦', 2, 'jill', 3, 4, 5, 1, 6)`]],
  ],
];

describe.each(stores)('shards of %s', (name, type, tables) => {
  const shards = names.slice(0, 2).map((hostname): ShardInfo => ({
    id: { hostname, tablePrefix: `d_${name}` },
    type: name,
    attributes: name === 'tweets' ? { windowMs: '3600000' } : {},
    busy: 'normal',
  }));
  const [left] = shards as [ShardInfo, ShardInfo];
  const tableName = (table: string): string => `\`${config.cluster}\`.\`${left.id.tablePrefix}_${table}\``;
  const run = (shard: ShardInfo, sql: string): Promise<unknown> =>
    hosts.host(shard.id.hostname).run(sql, [], deadline());

  beforeAll(async () => {
    for (const shard of shards) {
      await type.create(hosts.host(shard.id.hostname), shard, deadline());
      for (const [table, rows] of tables) await run(shard, `INSERT INTO ${tableName(table)} VALUES ${rows}`);
    }
  });

  const movable = (table: string): MovableTable => type.moving!.tables.find((one) => one.name === table)!;
  const differences = async (table: MovableTable): Promise<readonly unknown[]> =>
    (await new PageMover({ kind: 'diff', sources: shards, targets: [] }, hostOf).move(table, '', 100, deadline()))
      .differences;

  /** Compares as a comparison does, without its second looks: do the digests differ, and are the rows told apart? */
  const toldApart = async (table: MovableTable): Promise<{ digests: boolean; rows: number }> => {
    const [a, b] = await Promise.all(
      shards.map((shard) => table.digest!(hostOf(shard.id.hostname), shard, '', undefined, deadline())),
    );
    const [left, right] = await Promise.all(
      shards.map((shard) => table.rows(hostOf(shard.id.hostname), shard, '', undefined, deadline())),
    );
    const others = new Map(right!.map((row) => [table.key(row), row]));
    return {
      digests: a!.hash !== b!.hash,
      rows: left!.filter((row) => !others.has(table.key(row)) || !table.same(row, others.get(table.key(row)))).length,
    };
  };

  it('are equal at first, by the digest alone', async () => {
    for (const [table] of tables) {
      const unread = { ...movable(table), rows: () => Promise.reject(new Error('the rows were read')) };
      expect(await differences(unread)).toEqual([]);
    }
  });

  it('differ where any column of any table does', async () => {
    for (const [table] of tables) {
      const columns = await hosts
        .host(left.id.hostname)
        .rows(
          'SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = ? AND table_name = ?',
          [config.cluster, `${left.id.tablePrefix}_${table}`],
          deadline(),
        );
      expect(columns.length).toBeGreaterThan(5);
      for (const [column, dataType] of columns) {
        const [change, back] = changeOf(String(column), String(dataType));
        await run(left, `UPDATE ${tableName(table)} SET ${String(column)} = ${change}`);
        // The same change of both rows must not cancel out.
        expect(await toldApart(movable(table)), `${table}.${String(column)}`).toEqual({ digests: true, rows: 2 });
        await run(left, `UPDATE ${tableName(table)} SET ${String(column)} = ${back}`);
        expect(await toldApart(movable(table)), `${table}.${String(column)} set back`).toEqual({
          digests: false,
          rows: 0,
        });
      }
    }
  });

  it('differ by a missing row', async () => {
    for (const [table, rows] of tables) {
      await run(left, `DELETE FROM ${tableName(table)} LIMIT 1`);
      expect((await differences(movable(table))).length, table).toBeGreaterThanOrEqual(1);
      await run(left, `INSERT IGNORE INTO ${tableName(table)} VALUES ${rows}`);
      expect(await differences(movable(table)), table).toEqual([]);
    }
  });
});

it('tells an empty text from none, and one column from the next', async () => {
  const type = tweetsShardType(tweetsTable.in(config.cluster));
  const shard: ShardInfo = {
    id: { hostname: names[0]!, tablePrefix: 'd_texts' },
    type: 'tweets',
    attributes: { windowMs: '3600000' },
    busy: 'normal',
  };
  const host = hosts.host(names[0]!);
  await type.create(host, shard, deadline());
  const hashes = new Set<string>();
  const texts = ["NULL, ''", "'', NULL", "'', ''", "'NULL', ''", "'a', 'b'", "'ab', ''", `'a\\'\\'b', ''`];
  for (const text of texts) {
    await host.run(
      `REPLACE INTO \`${config.cluster}\`.\`d_texts_tweets\` (id, text, extra, state, state_at) VALUES (1, ${text}, 0, 0)`,
      [],
      deadline(),
    );
    const { rows, hash } = await type.moving!.tables[0]!.digest!(host, shard, '', undefined, deadline());
    expect(rows).toBe(1);
    hashes.add(hash);
  }
  expect(hashes.size).toBe(texts.length);
});

/** Returns expressions for another value of a column, and for the first value again. */
function changeOf(column: string, dataType: string): [change: string, back: string] {
  if (dataType === 'varchar') return [`CONCAT(${column}, 'x')`, `LEFT(${column}, CHAR_LENGTH(${column}) - 1)`];
  // The other text columns hold JSON.
  if (dataType.endsWith('text')) return [`REPLACE(${column}, '"b"', '"bx"')`, `REPLACE(${column}, '"bx"', '"b"')`];
  // Odd, since two bits of a rank count.
  return [`${column} + 101`, `${column} - 101`];
}
