import { setTimeout as sleep } from 'node:timers/promises';
import { account, type TortureCluster } from '../cluster.js';
import { again, jumpsMs, type Fault } from './fault.js';

const databases = ['db1', 'db2', 'db3'] as const;
type Database = (typeof databases)[number];
type Root = Awaited<ReturnType<TortureCluster['asRoot']>>;

const server = (place: Database, how: 'kill' | 'pause', lastsMs: readonly [number, number]): Fault => ({
  places: [place],
  lastsMs,
  async begin({ cluster: { playground } }) {
    await playground[how](place);
    return () => (how === 'kill' ? playground.restart(place) : playground.resume(place));
  },
});

const endConnections = async (root: Root): Promise<void> => {
  const [rows] = await root.query({
    sql: 'SELECT id FROM information_schema.processlist WHERE user = ?',
    values: [account],
    rowsAsArray: true,
  });
  for (const [id] of rows as number[][]) await root.query(`KILL ${id}`).catch(() => undefined);
};

/** The database takes another password before the servers' file has it, and all old connections end. */
const rotatePassword = (place: Database): Fault => ({
  places: [place],
  lastsMs: [0, 4_000],
  async begin({ cluster }) {
    const root = await cluster.asRoot(place);
    await cluster.letIn(place, 'in between');
    await endConnections(root);
    return async () => {
      cluster.writeSecret(place);
      await cluster.letIn(place);
      await endConnections(root);
      await root.end();
    };
  },
});

const readOnly = (place: Database): Fault => ({
  places: [place],
  lastsMs: [1_000, 5_000],
  async begin({ cluster }) {
    const root = await cluster.asRoot(place);
    await root.query('SET GLOBAL read_only = 1');
    return async () => {
      await root.query('SET GLOBAL read_only = 0');
      await root.end();
    };
  },
});

/** A client holds all rows of tables, or whole tables, and releases them again. */
const lockStorm = (place: Database): Fault => ({
  places: [place],
  lastsMs: [2_000, 8_000],
  async begin({ cluster, random }) {
    const lockers = await Promise.all(Array.from({ length: 3 }, () => cluster.asRoot(place)));
    const [found] = await lockers[0]!.query({
      sql: 'SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema LIKE ?',
      values: [`${cluster.config.cluster}%`],
      rowsAsArray: true,
    });
    const tables = (found as string[][]).map((names) => names.map((name) => `\`${name}\``).join('.'));
    const stops = lockers.map((root, i) =>
      again(async (stopped) => {
        // The statement may be refused, for a deadlock or a missing table.
        const attempt = (sql: string): Promise<unknown> => root.query(sql).catch(() => undefined);
        await attempt('SET SESSION innodb_lock_wait_timeout = 2');
        await attempt('SET SESSION lock_wait_timeout = 2');
        if (i === 0 && random(4) === 0) await attempt('FLUSH TABLES WITH READ LOCK');
        else {
          await attempt('START TRANSACTION');
          for (let n = 0; n < 4; n++) await attempt(`SELECT * FROM ${tables[random(tables.length)]!} FOR UPDATE`);
        }
        for (let left = random(2_500); left > 0 && !stopped(); left -= 100) await sleep(100);
        await attempt('UNLOCK TABLES');
        await attempt('ROLLBACK');
        await sleep(random(300));
      }),
    );
    return async () => {
      await Promise.all(stops.map((stop) => stop()));
      await Promise.all(lockers.map((root) => root.end()));
    };
  },
});

/** All databases die at once: no write is applied meanwhile. */
const killAll: Fault = {
  places: ['db1', 'db2', 'db3'],
  lastsMs: [0, 3_000],
  async begin({ cluster: { playground } }) {
    await Promise.all(databases.map((name) => playground.kill(name)));
    return async () => {
      for (const name of databases) await playground.restart(name);
    };
  },
};

/** The wall clock of the first database, which is the primary of the name server, jumps. */
const jumpingClock: Fault = {
  places: ['db1'],
  lastsMs: [3_000, 8_000],
  begin({ cluster, random, note }) {
    const stop = again(async () => {
      const offsetMs = jumpsMs[random(jumpsMs.length)]!;
      note(`clock of db1: ${offsetMs} ms`);
      cluster.moveClock('db1', offsetMs);
      await sleep(500 + random(2_000));
    });
    return Promise.resolve(async () => {
      await stop();
      cluster.moveClock('db1', 0);
    });
  },
};

const fullDisk: Fault = {
  places: ['db3'],
  lastsMs: [2_000, 8_000],
  async begin({ cluster: { disks, playground } }) {
    disks.db3!.fill();
    return async () => {
      disks.db3!.empty();
      // The database may have ended itself, and waits up to a minute before it checks for space again.
      await playground.kill('db3').catch(() => undefined);
      await playground.restart('db3');
    };
  },
};

/**
 * @param disk whether there is a disk that may be filled
 * @param clock whether clocks can be moved
 */
export const databaseFaults = (disk: boolean, clock: boolean): Readonly<Record<string, Fault>> => ({
  killDb1: server('db1', 'kill', [300, 3_000]),
  killDb2: server('db2', 'kill', [300, 3_000]),
  killDb3: server('db3', 'kill', [300, 3_000]),
  pauseDb1: server('db1', 'pause', [1_000, 9_000]),
  pauseDb2: server('db2', 'pause', [1_000, 9_000]),
  pauseDb3: server('db3', 'pause', [1_000, 9_000]),
  killDatabases: killAll,
  rotateDb1: rotatePassword('db1'),
  rotateDb2: rotatePassword('db2'),
  rotateDb3: rotatePassword('db3'),
  readOnlyDb1: readOnly('db1'),
  readOnlyDb2: readOnly('db2'),
  readOnlyDb3: readOnly('db3'),
  lockStormDb1: lockStorm('db1'),
  lockStormDb2: lockStorm('db2'),
  lockStormDb3: lockStorm('db3'),
  ...(disk ? { fullDiskDb3: fullDisk } : {}),
  ...(clock ? { jumpingClockDb1: jumpingClock } : {}),
});
