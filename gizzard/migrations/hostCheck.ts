import { randomBytes } from 'node:crypto';
import { Deadline, RoostError } from '../../core/index.js';
import { maxClockDifferenceMs } from '../doctor/clockFaults.js';
import type { DatabaseHost } from '../../mysql/index.js';
import { readHostClock } from '../../mysql/index.js';
import type { RoostConfig } from '../../process/index.js';
import { hostRoom } from './hostRoom.js';

const deadlineMs = 5_000;
const tryDeadlineMs = 30_000;

/** `fault`: Roost cannot work with the host. `warning`: it can, and something is risked. */
export interface HostLook {
  readonly what: 'answers' | 'version' | 'rights' | 'room' | 'clock' | 'settings';
  readonly state: 'good' | 'warning' | 'fault';
  readonly text: string;
}

export interface HostCheckEnvironment {
  readonly config: Pick<RoostConfig, 'cluster' | 'databaseHosts' | 'pool' | 'server'>;
  /** The journal's time. */
  readonly nowMs: () => Promise<number>;
  /** Servers that are to connect to the host. */
  readonly servers: number;
}

/**
 * Looks at everything that Roost needs of a database host: an answer, version, rights (each is tried in a scratch table), room, clock and settings. Where it does not answer, nothing else is looked
 * at. Leaves an empty database `<cluster>_dropped` behind.
 */
export async function checkHost(host: DatabaseHost, environment: HostCheckEnvironment): Promise<HostLook[]> {
  const looks: HostLook[] = [];
  const add = (what: HostLook['what'], state: HostLook['state'], text: string): void =>
    void looks.push({ what, state, text });
  let version: string;
  try {
    const startMs = performance.now();
    const [row] = await host.rows('SELECT VERSION()', [], Deadline.after(deadlineMs));
    version = String(row![0]);
    add('answers', 'good', `in ${Math.ceil(performance.now() - startMs)} ms`);
  } catch (error) {
    add('answers', 'fault', RoostError.from(error).message);
    return looks;
  }
  add(
    'version',
    isOldServer(version) ? 'fault' : 'good',
    isOldServer(version)
      ? `${version}: MySQL 8.0 or MariaDB 10.6 are the oldest that will do`
      : `${/mariadb/i.test(version) ? 'MariaDB' : 'MySQL'} ${version}`,
  );
  const lacking = await missingRights(host, environment.config.cluster);
  if (lacking.length === 0) add('rights', 'good', 'all that are needed were tried');
  for (const text of lacking) add('rights', 'fault', text);
  await guarded(add, 'room', async () => {
    const { usedBytes, freeBytes } = await hostRoom(host);
    const capacity = environment.config.databaseHosts[host.name]?.capacityBytes;
    const free = capacity === undefined ? freeBytes : Math.min(freeBytes ?? Infinity, capacity - usedBytes);
    if (free === undefined)
      add(
        'room',
        'warning',
        `${usedBytes} bytes used; nobody can tell what is free: set databaseHosts.${host.name}.capacityBytes or, on MariaDB, INSTALL SONAME 'disks'`,
      );
    else add('room', free <= 0 ? 'fault' : 'good', `${usedBytes} bytes used, ${free} free`);
  });
  await guarded(add, 'clock', async () => {
    const aheadMs = (await readHostClock(host, Deadline.after(deadlineMs))) - (await environment.nowMs());
    const off = Math.abs(aheadMs);
    const text = `${off} ms ${aheadMs < 0 ? 'behind' : 'ahead of'} that of the journal`;
    add(
      'clock',
      off > maxClockDifferenceMs ? 'fault' : off > environment.config.server.maxClockSkewMs ? 'warning' : 'good',
      off > environment.config.server.maxClockSkewMs ? `${text}: set it right` : text,
    );
  });
  await guarded(add, 'settings', async () => {
    const found = await settings(host, environment);
    if (found.length === 0)
      add('settings', 'good', 'durable, writable, and with room for the connections of all servers');
    for (const [state, text] of found) add('settings', state, text);
  });
  return looks;
}

/** By what `VERSION()` says. */
export function isOldServer(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return /mariadb/i.test(version) ? major < 10 || (major === 10 && minor < 6) : major < 8;
}

async function guarded(
  add: (what: HostLook['what'], state: HostLook['state'], text: string) => void,
  what: HostLook['what'],
  look: () => Promise<void>,
): Promise<void> {
  try {
    await look();
  } catch (error) {
    add(what, 'warning', `could not be looked at: ${RoostError.from(error).message}`);
  }
}

async function settings(
  host: DatabaseHost,
  { config, servers }: HostCheckEnvironment,
): Promise<['warning' | 'fault', string][]> {
  const [row] = await host.rows(
    'SELECT @@GLOBAL.read_only, @@GLOBAL.max_connections, @@GLOBAL.innodb_flush_log_at_trx_commit, @@GLOBAL.log_bin, @@GLOBAL.sync_binlog',
    [],
    Deadline.after(deadlineMs),
  );
  const [readOnly, connections, flush, binaryLog, syncBinaryLog] = row!.map((value) =>
    value === 'OFF' ? 0 : Number(value),
  );
  const wanted = config.pool.size * (servers + 1);
  const found: ['warning' | 'fault', string][] = [];
  if (readOnly !== 0) found.push(['fault', 'read_only is on: no write is applied (SET GLOBAL read_only = OFF)']);
  if (connections! < wanted)
    found.push([
      'warning',
      `max_connections is ${connections}, and ${servers} servers and a command take up to ${wanted} (pool.size ${config.pool.size} each)`,
    ]);
  if (flush !== 1)
    found.push([
      'warning',
      `innodb_flush_log_at_trx_commit is ${flush}: a crash of the host loses up to a second of writes that the journal has forgotten; set it to 1`,
    ]);
  if (binaryLog !== 0 && syncBinaryLog !== 1)
    found.push([
      'warning',
      `sync_binlog is ${syncBinaryLog}: a crash of the host makes what replicates from it differ; set it to 1`,
    ]);
  return found;
}

/** Does with a scratch table all that Roost does with its own, a right at a time. Sentences on what was refused. */
async function missingRights(host: DatabaseHost, cluster: string): Promise<string[]> {
  const name = `roost_check_${randomBytes(4).toString('hex')}`;
  const scratch = `\`${cluster}\`.\`${name}\``;
  const aside = `\`${cluster}_dropped\`.\`${name}\``;
  const deadline = Deadline.after(tryDeadlineMs);
  const refused: string[] = [];
  const attempt = async (right: string, sql: string): Promise<void> => {
    try {
      await host.run(sql, [], deadline);
    } catch (error) {
      refused.push(`${right} is refused: ${RoostError.from(error).message}`);
    }
  };
  for (const database of [cluster, `${cluster}_dropped`])
    await attempt(`CREATE of database ${database}`, `CREATE DATABASE IF NOT EXISTS \`${database}\``);
  await attempt(
    'CREATE of tables',
    `CREATE TABLE ${scratch} (id BIGINT NOT NULL PRIMARY KEY, n INT NOT NULL) ENGINE=InnoDB`,
  );
  if (refused.length > 0) return [...refused, grantText(cluster)];
  await attempt('INSERT', `INSERT INTO ${scratch} (id, n) VALUES (1, 1)`);
  await attempt('UPDATE', `UPDATE ${scratch} SET n = 2 WHERE id = 1`);
  await attempt('SELECT', `SELECT n FROM ${scratch} WHERE id = 1 FOR UPDATE`);
  await attempt('DELETE', `DELETE FROM ${scratch} WHERE id = 1`);
  await attempt('INDEX', `CREATE INDEX n ON ${scratch} (n)`);
  await attempt('ALTER', `ALTER TABLE ${scratch} ADD COLUMN m INT NOT NULL DEFAULT 0`);
  await attempt(
    'ALTER, CREATE, INSERT and DROP, for renaming tables between databases,',
    `RENAME TABLE ${scratch} TO ${aside}`,
  );
  await attempt('DROP', `DROP TABLE IF EXISTS ${scratch}, ${aside}`);
  return refused.length === 0 ? [] : [...refused, grantText(cluster)];
}

/** The rights that an account of Roost needs. */
export const grantText = (cluster: string): string =>
  `the account needs: GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX ON \`${cluster.replaceAll('_', '\\_')}%\`.* TO …; REPLICATION CLIENT on *.* shows replicas that lag`;
