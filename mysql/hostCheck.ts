import { randomBytes } from 'node:crypto';
import { Deadline, RoostError } from '../core/index.js';
import type { DatabaseHost } from './databaseHost.js';
import { grantStatements } from './grants.js';
import type { ShardDatabase } from './shardDatabase.js';

const deadlineMs = 5_000;
const tryDeadlineMs = 30_000;
const maxLagSeconds = 10;

export interface DatabaseHostLook {
  readonly what: 'version' | 'rights' | 'settings';
  readonly state: 'good' | 'warning' | 'fault';
  readonly text: string;
}

/**
 * Checks a host's version, rights (each tried on a scratch table) and settings, for tables in `database`. Leaves an
 * empty database for dropped tables behind.
 */
export async function checkDatabaseHost(
  host: DatabaseHost,
  database: ShardDatabase,
  poolSize: number,
  servers: number,
): Promise<DatabaseHostLook[]> {
  const looks: DatabaseHostLook[] = [];
  const add = (what: DatabaseHostLook['what'], state: DatabaseHostLook['state'], text: string): void =>
    void looks.push({ what, state, text });
  const version = await versionOf(host, Deadline.after(deadlineMs));
  add(
    'version',
    isOldServer(version) ? 'fault' : 'good',
    isOldServer(version)
      ? `${version}: MySQL 8.0 or MariaDB 10.6 are the oldest that will do`
      : `${/mariadb/i.test(version) ? 'MariaDB' : 'MySQL'} ${version}`,
  );
  const lacking = await missingRights(host, database);
  if (lacking.length === 0) add('rights', 'good', 'all that are needed were tried');
  for (const text of lacking) add('rights', 'fault', text);
  try {
    const found = await settings(host, poolSize, servers);
    if (found.length === 0)
      add('settings', 'good', 'durable, writable, and with room for the connections of all servers');
    for (const [state, text] of found) add('settings', state, text);
  } catch (error) {
    add('settings', 'warning', `could not be looked at: ${RoostError.from(error).message}`);
  }
  return looks;
}

/**
 * Sentences about what keeps a host from use; with `makesTables`, also from creating and dropping tables in
 * `database`.
 */
export async function databaseHostProblems(
  host: DatabaseHost,
  database: ShardDatabase,
  makesTables: boolean,
  deadline: Deadline,
): Promise<string[]> {
  const version = await versionOf(host, deadline);
  if (isOldServer(version))
    return [`host ${host.name} runs ${version}; MySQL 8.0 or MariaDB 10.6 are the oldest that will do`];
  const lag = await host.lagSeconds(deadline);
  const problems =
    lag !== undefined && lag > maxLagSeconds ? [`host ${host.name} is ${lag} s behind what it replicates`] : [];
  if (!makesTables) return problems;
  const scratch = database.named('roost_preflight');
  try {
    await database.create(host, deadline);
    await host.run(`CREATE TABLE IF NOT EXISTS ${scratch} (id BIGINT PRIMARY KEY) ENGINE=InnoDB`, [], deadline);
    await host.run(`DROP TABLE IF EXISTS ${scratch}`, [], deadline);
  } catch (error) {
    problems.push(`host ${host.name} does not let us make and drop tables: ${RoostError.from(error).message}`);
  }
  return problems;
}

async function versionOf(host: DatabaseHost, deadline: Deadline): Promise<string> {
  const [row] = await host.rows('SELECT VERSION()', [], deadline);
  return String(row![0]);
}

/** Judged by `VERSION()`. */
function isOldServer(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return /mariadb/i.test(version) ? major < 10 || (major === 10 && minor < 6) : major < 8;
}

async function settings(
  host: DatabaseHost,
  poolSize: number,
  servers: number,
): Promise<['warning' | 'fault', string][]> {
  const [row] = await host.rows(
    'SELECT @@GLOBAL.read_only, @@GLOBAL.max_connections, @@GLOBAL.innodb_flush_log_at_trx_commit, @@GLOBAL.log_bin, @@GLOBAL.sync_binlog',
    [],
    Deadline.after(deadlineMs),
  );
  const [readOnly, connections, flush, binaryLog, syncBinaryLog] = row!.map((value) =>
    value === 'OFF' ? 0 : Number(value),
  );
  const wanted = poolSize * (servers + 1);
  const found: ['warning' | 'fault', string][] = [];
  if (readOnly !== 0) found.push(['fault', 'read_only is on: no write is applied (SET GLOBAL read_only = OFF)']);
  if (connections! < wanted)
    found.push([
      'warning',
      `max_connections is ${connections}, and ${servers} server${servers === 1 ? '' : 's'} and a command take up to ${wanted} (pool.size ${poolSize} each)`,
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

/**
 * Does to a scratch table everything that Roost does to its own, one right at a time. Returns sentences about refused
 * rights.
 */
async function missingRights(host: DatabaseHost, cluster: ShardDatabase): Promise<string[]> {
  const name = `roost_check_${randomBytes(4).toString('hex')}`;
  const scratch = cluster.named(name);
  const aside = cluster.aside.named(name);
  const deadline = Deadline.after(tryDeadlineMs);
  const refused: string[] = [];
  const attempt = async (right: string, sql: string): Promise<void> => {
    try {
      await host.run(sql, [], deadline);
    } catch (error) {
      refused.push(`${right} is refused: ${RoostError.from(error).message}`);
    }
  };
  for (const { name: database } of [cluster, cluster.aside])
    await attempt(`CREATE of database ${database}`, `CREATE DATABASE IF NOT EXISTS \`${database}\``);
  await attempt(
    'CREATE of tables',
    `CREATE TABLE ${scratch} (id BIGINT NOT NULL PRIMARY KEY, n INT NOT NULL) ENGINE=InnoDB`,
  );
  if (refused.length > 0) return [...refused, grantText(cluster.name)];
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
  return refused.length === 0 ? [] : [...refused, grantText(cluster.name)];
}

/** The rights that a server's account needs. */
export const grantText = (cluster: string): string =>
  `the account needs: ${grantStatements(cluster, 'server', '…').join(' ')} (\`roost grants\` prints them)`;
