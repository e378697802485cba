import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline, maxInt64, minInt64, RoostError, type ErrorCode } from '../core/index.js';
import { Metrics, silentLog, type RoostConfig } from '../process/index.js';
import { freshCluster } from '../test/support/index.js';
import type { DatabaseHost, SqlRow } from './databaseHost.js';
import { DatabaseHosts } from './databaseHosts.js';

const { config } = freshCluster('hosts');
const [name] = Object.keys(config.databaseHosts) as [string];
const soon = (): Deadline => Deadline.after(10_000);
const database = `\`${config.cluster}\``;
const throwsCode = (code: ErrorCode, text: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(text) as string });

const opened: DatabaseHosts[] = [];
function open(pool: Partial<RoostConfig['pool']> = {}, metrics = new Metrics()): DatabaseHost {
  const hosts = new DatabaseHosts(
    { databaseHosts: config.databaseHosts, pool: { ...config.pool, ...pool } },
    silentLog,
    metrics,
  );
  opened.push(hosts);
  return hosts.host(name);
}

let host: DatabaseHost;
/** Looks at the server from outside of the pool under test. */
let observer: DatabaseHost;

beforeAll(async () => {
  host = open();
  observer = open({ size: 1 });
  await host.run(`CREATE DATABASE ${database}`, [], soon());
  await host.run(
    `CREATE TABLE ${database}.numbers (id INT NOT NULL PRIMARY KEY, big BIGINT, wide BIGINT UNSIGNED, txt VARCHAR(40), bin VARBINARY(40)) ENGINE=InnoDB`,
    [],
    soon(),
  );
});
afterAll(() => Promise.all(opened.map((hosts) => hosts.close())));

/** What the server runs that holds a text. */
const running = async (text: string): Promise<number> => {
  const rows = await observer.rows(
    'SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE ? AND id <> CONNECTION_ID()',
    [`%${text}%`],
    soon(),
  );
  return Number(rows[0]![0]);
};

describe('values', () => {
  const bigOf = (rows: SqlRow[]): bigint => BigInt(rows[0]![0] as number | string);

  it.each([minInt64, minInt64 + 1n, -(2n ** 53n) - 1n, -1n, 0n, 2n ** 53n, 2n ** 53n + 1n, maxInt64 - 1n, maxInt64])(
    'of 64 bits are exact: %d',
    async (value) => {
      expect(bigOf(await host.rows('SELECT CAST(? AS SIGNED)', [value], soon()))).toBe(value);
      await host.run(`REPLACE INTO ${database}.numbers (id, big) VALUES (1, ?)`, [value], soon());
      expect(bigOf(await host.rows(`SELECT big FROM ${database}.numbers WHERE big = ?`, [value], soon()))).toBe(value);
      // As doubles, neighbors would be equal.
      for (const other of [value - 1n, value + 1n]) {
        if (other < minInt64 || other > maxInt64) continue;
        expect(await host.rows(`SELECT big FROM ${database}.numbers WHERE big = ?`, [other], soon())).toEqual([]);
      }
    },
  );

  it('of any type are exact', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.bigInt({ min: minInt64, max: maxInt64 }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        async (big, wide) => {
          await host.run(`REPLACE INTO ${database}.numbers (id, big, wide) VALUES (2, ?, ?)`, [big, wide], soon());
          const [row] = await host.rows(
            `SELECT big, wide FROM ${database}.numbers WHERE id = 2 AND big = ? AND wide = ?`,
            [big, wide],
            soon(),
          );
          expect(row?.map((value) => BigInt(value as number | string))).toEqual([big, wide]);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('come as a number if that is exact, else as a string', async () => {
    const [row] = await host.rows(
      'SELECT CAST(? AS SIGNED), CAST(? AS SIGNED)',
      [BigInt(Number.MAX_SAFE_INTEGER), 2n ** 53n],
      soon(),
    );
    expect(row).toEqual([Number.MAX_SAFE_INTEGER, '9007199254740992']);
  });

  it('may be text, bytes, fractions and NULL', async () => {
    const bytes = Buffer.from([0, 1, 127, 128, 255]);
    await host.run(
      `REPLACE INTO ${database}.numbers (id, txt, bin) VALUES (3, ?, ?)`,
      ['a ‘quoted’ \\ text 🦜', bytes],
      soon(),
    );
    expect(
      await host.rows(`SELECT txt, bin, big, ? * 2 FROM ${database}.numbers WHERE id = 3`, [0.25], soon()),
    ).toEqual([['a ‘quoted’ \\ text 🦜', bytes, null, 0.5]]);
  });

  it('that do not fit their column are refused', async () => {
    await expect(
      host.run(`INSERT INTO ${database}.numbers (id, txt) VALUES (4, ?)`, ['x'.repeat(41)], soon()),
    ).rejects.toEqual(throwsCode('Internal', /too long/i));
    expect(await host.rows(`SELECT id FROM ${database}.numbers WHERE id = 4`, [], soon())).toEqual([]);
  });
});

describe('the pool', () => {
  it('runs no more statements at once than it has connections', async () => {
    const small = open({ size: 2 });
    const slow = Array.from({ length: 6 }, () => small.rows("SELECT SLEEP(0.3), 'two at once'", [], soon()));
    let most = 0;
    const ended = Promise.all(slow).then(() => true);
    while (!(await Promise.race([ended, Promise.resolve(false)]))) most = Math.max(most, await running('two at once'));
    expect(most).toBe(2);
    expect([small.inUse, small.waiting]).toEqual([0, 0]);
  });

  it('refuses with Overloaded when the line is full, and serves those that stand in it', async () => {
    const small = open({ size: 1, waiting: 2 });
    await small.rows('SELECT 1', [], soon());
    const served = Array.from({ length: 3 }, () => small.rows('SELECT SLEEP(0.2)', [], soon()));
    const refused = small.rows('SELECT 1', [], soon());
    await expect(refused).rejects.toEqual(
      expect.objectContaining({
        code: 'Overloaded',
        retryable: true,
        retryAfterMs: expect.any(Number) as number,
        fields: expect.objectContaining({ host: name }) as object,
      }),
    );
    expect(await Promise.all(served)).toEqual([[[0]], [[0]], [[0]]]);
    expect(small.health.down).toBe(false);
  });

  it('lets nobody wait past the deadline, and gives their turn to the next', async () => {
    const small = open({ size: 1 });
    const first = small.rows('SELECT SLEEP(0.5)', [], soon());
    await expect(small.rows('SELECT 1', [], Deadline.after(50))).rejects.toEqual(
      throwsCode('DeadlineExceeded', /waiting for a connection/),
    );
    await first;
    expect(await small.rows('SELECT 2', [], soon())).toEqual([[2]]);
  });

  it('sets up every connection', async () => {
    const [row] = await open({ queryTimeoutMs: 4_000 }).rows(
      'SELECT @@sql_mode, @@innodb_lock_wait_timeout, @@session.autocommit',
      [],
      soon(),
    );
    expect(row).toEqual([expect.stringMatching(/STRICT_ALL_TABLES/), 5, 1]);
  });

  it('fails with Unavailable when it cannot make or set up a connection', async () => {
    const hosts = new DatabaseHosts(
      {
        databaseHosts: {
          gone: { ...config.databaseHosts[name]!, socketPath: undefined, host: '127.0.0.1', port: 1 },
          wrong: { ...config.databaseHosts[name]!, password: 'wrong' },
        },
        pool: config.pool,
      },
      silentLog,
    );
    opened.push(hosts);
    await expect(hosts.host('gone').rows('SELECT 1', [], soon())).rejects.toEqual(
      throwsCode('Unavailable', /^gone: .*ECONNREFUSED/),
    );
    await expect(hosts.host('wrong').rows('SELECT 1', [], soon())).rejects.toEqual(
      throwsCode(
        'Unavailable',
        /^wrong refuses the log-in of user '.*': check databaseHosts.wrong.user and password .*denied/i,
      ),
    );
    // More often than there are connections: a failed one gives its place back.
    for (let i = 0; i < config.pool.size + 2; i++)
      await expect(hosts.host('gone').rows('SELECT 1', [], soon())).rejects.toEqual(
        throwsCode('Unavailable', /ECONNREFUSED/),
      );
    expect(hosts.isHealthy('gone')).toBe(false);
    expect(hosts.isHealthy('unknown')).toBe(false);
    expect(() => hosts.host('unknown')).toThrow(throwsCode('FailedPrecondition', /add it under databaseHosts/));
  });

  it('refuses statements once it is closed', async () => {
    const hosts = new DatabaseHosts(config, silentLog);
    const closed = hosts.host(name);
    await closed.rows('SELECT 1', [], soon());
    await hosts.close();
    await hosts.close();
    await expect(closed.rows('SELECT 1', [], soon())).rejects.toEqual(
      expect.objectContaining({ code: 'Unavailable', retryable: false }),
    );
    expect(() => hosts.host(Object.keys(config.databaseHosts)[1]!)).toThrow(throwsCode('Unavailable', /closed/));
  });

  it('fails those that wait when it is closed, and lets a short statement end', async () => {
    const hosts = new DatabaseHosts(
      { databaseHosts: config.databaseHosts, pool: { ...config.pool, size: 1 } },
      silentLog,
    );
    const short = hosts.host(name).rows('SELECT SLEEP(0.1)', [], soon());
    await expect.poll(() => hosts.host(name).inUse).toBe(1);
    const waiting = hosts.host(name).rows('SELECT 1', [], soon());
    const outcome = expect(waiting).rejects.toEqual(throwsCode('Unavailable', /closed/i));
    await hosts.close();
    await outcome;
    expect(await short).toEqual([[0]]);
  });

  it('cuts off statements that take too long when it is closed', async () => {
    const hosts = new DatabaseHosts(
      { databaseHosts: config.databaseHosts, pool: { ...config.pool, connectTimeoutMs: 200 } },
      silentLog,
    );
    const long = hosts.host(name).rows("SELECT SLEEP(8), 'cut off'", [], soon());
    const outcome = expect(long).rejects.toEqual(throwsCode('Unavailable', /closed on our side/));
    await expect.poll(() => running('cut off')).toBe(1);
    await hosts.close();
    await outcome;
  });
});

describe('a deadline', () => {
  it('stops a statement, on the server too', async () => {
    const long = host.rows("SELECT SLEEP(60), 'past its deadline'", [], Deadline.after(1_000));
    const outcome = expect(long).rejects.toEqual(
      expect.objectContaining({
        code: 'DeadlineExceeded',
        fields: { host: name, statement: "SELECT SLEEP(60), 'past its deadline'" },
      }),
    );
    await expect.poll(() => running('past its deadline')).toBe(1);
    await outcome;
    await expect.poll(() => running('past its deadline')).toBe(0);
  });

  it('is at most the limit of the pool', async () => {
    const strict = open({ queryTimeoutMs: 200 });
    // Neither SLEEP nor BENCHMARK, which end without an error when the server's own limit comes first.
    const long = ['a', 'b', 'c', 'd'].map((name) => `information_schema.collations ${name}`).join(', ');
    await expect(
      strict.rows(`SELECT COUNT(*), 'past the limit' FROM ${long}`, [], Deadline.after(60_000)),
    ).rejects.toEqual(
      throwsCode('DeadlineExceeded', /did not answer|max_statement_time|maximum statement execution time|timeout/i),
    );
    await expect.poll(() => running('past the limit')).toBe(0);
  });

  it('that has passed sends no statement', async () => {
    const passed = Deadline.after(0);
    await expect(host.run(`REPLACE INTO ${database}.numbers (id) VALUES (50)`, [], passed)).rejects.toEqual(
      throwsCode('DeadlineExceeded', /./),
    );
    expect(await host.rows(`SELECT id FROM ${database}.numbers WHERE id = 50`, [], soon())).toEqual([]);
  });

  it('in a transaction rolls it back', async () => {
    const deadline = Deadline.after(300);
    const work = host.transaction(deadline, async (session) => {
      await session.run(`REPLACE INTO ${database}.numbers (id) VALUES (51)`, [], deadline);
      await session.rows("SELECT SLEEP(60), 'in a transaction'", [], deadline);
    });
    await expect(work).rejects.toEqual(throwsCode('DeadlineExceeded', /./));
    await expect.poll(() => running('in a transaction')).toBe(0);
    expect(await host.rows(`SELECT id FROM ${database}.numbers WHERE id = 51 FOR UPDATE`, [], soon())).toEqual([]);
  });

  it('leaves the pool with usable connections', async () => {
    const small = open({ size: 2 });
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        small.rows('SELECT SLEEP(?)', [i % 2 === 0 ? 60 : 0], Deadline.after(i % 2 === 0 ? 150 : 10_000)),
      ),
    );
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    await expect.poll(() => [small.inUse, small.waiting]).toEqual([0, 0]);
    expect(await small.rows('SELECT 1', [], soon())).toEqual([[1]]);
  });
});

describe('a connection that is killed', () => {
  const killOthers = async (text: string): Promise<void> => {
    const rows = await observer.rows(
      'SELECT id FROM information_schema.processlist WHERE info LIKE ? AND id <> CONNECTION_ID()',
      [`%${text}%`],
      soon(),
    );
    for (const [id] of rows) await observer.run(`KILL ${Number(id)}`, [], soon());
  };

  it('in the middle of a statement makes it Unavailable; the next one works', async () => {
    const statement = host.rows("SELECT SLEEP(20), 'to be killed'", [], soon());
    const outcome = expect(statement).rejects.toEqual(throwsCode('Unavailable', new RegExp(`^${name}: `)));
    await expect.poll(() => running('to be killed')).toBe(1);
    await killOthers('to be killed');
    await outcome;
    expect(await host.rows('SELECT 1', [], soon())).toEqual([[1]]);
  });

  it('while idle is replaced', async () => {
    const small = open({ size: 1 });
    const [[id]] = (await small.rows('SELECT CONNECTION_ID()', [], soon())) as [[number]];
    await observer.run(`KILL ${id}`, [], soon());
    // Whether the news has reached the pool is a matter of time: a statement works, or says that it may be repeated.
    await expect
      .poll(() => small.rows('SELECT 1', [], soon()).catch((error: RoostError) => error.retryable))
      .toEqual([[1]]);
  });

  it('in a transaction rolls it back', async () => {
    const work = host.transaction(soon(), async (session) => {
      await session.run(`REPLACE INTO ${database}.numbers (id) VALUES (60)`, [], soon());
      await session.rows("SELECT SLEEP(20), 'transaction to be killed'", [], soon());
    });
    const outcome = expect(work).rejects.toEqual(throwsCode('Unavailable', /./));
    await expect.poll(() => running('transaction to be killed')).toBe(1);
    await killOthers('transaction to be killed');
    await outcome;
    expect(await host.rows(`SELECT id FROM ${database}.numbers WHERE id = 60`, [], soon())).toEqual([]);
  });
});

describe('a transaction', () => {
  const rowsOf = (id: number): Promise<SqlRow[]> =>
    host.rows(`SELECT big FROM ${database}.numbers WHERE id = ?`, [id], soon());

  it('commits the statements of its work', async () => {
    const result = await host.transaction(soon(), async (session) => {
      await session.run(`INSERT INTO ${database}.numbers (id, big) VALUES (70, 1)`, [], soon());
      await session.run(`UPDATE ${database}.numbers SET big = big + 1 WHERE id = 70`, [], soon());
      return 'done';
    });
    expect(result).toBe('done');
    expect(await rowsOf(70)).toEqual([[2]]);
  });

  it('rolls back when its work throws, and passes the error on', async () => {
    const oops = new Error('oops');
    const work = host.transaction(soon(), async (session) => {
      await session.run(`INSERT INTO ${database}.numbers (id) VALUES (71)`, [], soon());
      throw oops;
    });
    await expect(work).rejects.toBe(oops);
    expect(await rowsOf(71)).toEqual([]);
  });

  it('is not seen before it commits', async () => {
    await host.transaction(soon(), async (session) => {
      await session.run(`INSERT INTO ${database}.numbers (id) VALUES (72)`, [], soon());
      expect(await rowsOf(72)).toEqual([]);
    });
    expect(await rowsOf(72)).toHaveLength(1);
  });

  it('starts again when it is the victim of a deadlock', async () => {
    await host.run(`REPLACE INTO ${database}.numbers (id, big) VALUES (80, 0), (81, 0)`, [], soon());
    let attempts = 0;
    let bothHold!: () => void;
    const holding = new Promise<void>((resolve) => (bothHold = resolve));
    let holders = 0;
    const add = (first: number, second: number): Promise<void> =>
      host.transaction(soon(), async (session) => {
        attempts++;
        await session.run(`UPDATE ${database}.numbers SET big = big + 1 WHERE id = ?`, [first], soon());
        if (++holders === 2) bothHold();
        await holding;
        await session.run(`UPDATE ${database}.numbers SET big = big + 1 WHERE id = ?`, [second], soon());
      });
    await Promise.all([add(80, 81), add(81, 80)]);
    expect(attempts).toBe(3);
    expect([await rowsOf(80), await rowsOf(81)]).toEqual([[[2]], [[2]]]);
  });

  it('starts again when it loses the race for a new row, and gives up in the end', async () => {
    let attempts = 0;
    const work = host.transaction(soon(), async (session) => {
      attempts++;
      await session.run(`INSERT INTO ${database}.numbers (id) VALUES (1)`, [], soon());
    });
    await expect(work).rejects.toEqual(throwsCode('Conflict', /duplicate/i));
    expect(attempts).toBe(8);
    expect(host.health.down).toBe(false);
  });
});

describe('errors', () => {
  it.each<[string, string, ErrorCode]>([
    ['a table that is not there', `SELECT * FROM ${database}.nothing`, 'FailedPrecondition'],
    ['a database that is not there', 'SELECT * FROM nothing.nothing', 'FailedPrecondition'],
    ['a statement that is none', 'SELECT FROM WHERE', 'Internal'],
  ])('say what is wrong: %s', async (_what, sql, code) => {
    const error = (await host.rows(sql, [], soon()).catch((thrown: unknown) => thrown)) as RoostError;
    expect(error).toEqual(throwsCode(code, new RegExp(`^${name}: `)));
    expect(error.fields).toMatchObject({ host: name, statement: sql });
    expect(error.fields['sql_code']).toMatch(/^ER_/);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('that the server answers with leave it healthy', async () => {
    for (let i = 0; i < 5; i++)
      await expect(host.rows('SELECT FROM WHERE', [], soon())).rejects.toBeInstanceOf(RoostError);
    expect(host.health.down).toBe(false);
  });
});

describe('metrics', () => {
  it('count and time statements by host and code, and show the pool', async () => {
    const metrics = new Metrics();
    const observed = open({ size: 3 }, metrics);
    await observed.rows('SELECT 1', [], soon());
    await observed.rows('SELECT FROM', [], soon()).catch(() => undefined);
    await observed.rows('SELECT SLEEP(9)', [], Deadline.after(50)).catch(() => undefined);
    const slow = Array.from({ length: 5 }, () => observed.rows('SELECT SLEEP(0.5)', [], soon()));
    await expect.poll(() => [observed.inUse, observed.waiting]).toEqual([3, 2]);
    const text = await metrics.registry.metrics();
    expect(text).toMatch(new RegExp(`roost_sql_duration_seconds_count\\{host="${name}",code="OK"\\} \\d`));
    expect(text).toContain(`roost_sql_duration_seconds_count{host="${name}",code="Internal"} 1`);
    expect(text).toContain(`roost_sql_duration_seconds_count{host="${name}",code="DeadlineExceeded"} 1`);
    expect(text).toContain(`roost_sql_connections_in_use{host="${name}"} 3`);
    expect(text).toContain(`roost_sql_waiting{host="${name}"} 2`);
    await Promise.all(slow);
  });
});
