import { execFileSync } from 'node:child_process';
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { RoostError } from '../core/index.js';
import type { ServerKind } from './state.js';

/** The two database families differ in how a data folder is created and in a few options. */
export type MysqlFamily = 'mariadb' | 'mysql';

export interface MysqlBinaries {
  readonly family: MysqlFamily;
  readonly server: string;
  /** Creates a data folder. Undefined for MySQL, whose server does that itself. */
  readonly install: string | undefined;
}

export interface Binaries {
  readonly mysql: MysqlBinaries;
  readonly redis: string;
  readonly memcached: string;
}

/** Servers are often installed outside an ordinary user's PATH. */
const extraFolders = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/libexec',
  '/usr/local/bin',
  '/opt/homebrew/bin',
  '/usr/local/mysql/bin',
];

/** The servers' binaries, or the kinds that have none. */
export function findBinaries(): Binaries | { readonly missing: readonly ServerKind[] } {
  const mysql = findMysql();
  const redis = findExecutable('redis-server');
  const memcached = findExecutable('memcached');
  if (mysql !== undefined && redis !== undefined && memcached !== undefined) return { mysql, redis, memcached };
  const missing: ServerKind[] = [];
  if (mysql === undefined) missing.push('mysql');
  if (redis === undefined) missing.push('redis');
  if (memcached === undefined) missing.push('memcached');
  return { missing };
}

/** Throws `FailedPrecondition` that says what to install. */
export function requireBinaries(): Binaries {
  const binaries = findBinaries();
  if ('missing' in binaries) throw missingBinaries(binaries.missing);
  return binaries;
}

const installHints: Readonly<Record<ServerKind, string>> = {
  mysql:
    'mariadbd with mariadb-install-db, or mysqld 8 (Debian and Ubuntu: apt-get install mariadb-server; macOS: brew install mariadb)',
  redis: 'redis-server (Debian and Ubuntu: apt-get install redis-server; macOS: brew install redis)',
  memcached: 'memcached (Debian and Ubuntu: apt-get install memcached; macOS: brew install memcached)',
};

export const missingBinaries = (missing: readonly ServerKind[], cause?: unknown): RoostError =>
  new RoostError(
    'FailedPrecondition',
    `the playground needs servers that are not on the PATH. Install\n${missing.map((kind) => `  - ${installHints[kind]}`).join('\n')}\nor start Docker and use containers`,
    { fields: { missing: missing.join(',') }, cause },
  );

/** The real paths of everything that a playground runs, as the system shows them for a running process. */
export const programsOf = ({ mysql, redis, memcached }: Binaries): string[] =>
  [mysql.server, redis, memcached, ...(mysql.install === undefined ? [] : [mysql.install])].map((path) =>
    realpathSync(path),
  );

function findMysql(): MysqlBinaries | undefined {
  const server = findExecutable('mariadbd', 'mysqld');
  if (server === undefined) return undefined;
  const version = execFileSync(server, ['--no-defaults', '--version'], { encoding: 'utf8', timeout: 10_000 });
  if (!/mariadb/i.test(version)) return { family: 'mysql', server, install: undefined };
  const install = findExecutable('mariadb-install-db', 'mysql_install_db');
  return install === undefined ? undefined : { family: 'mariadb', server, install };
}

/** Returns the first match by the order of PATH, which so decides on a machine with both families. */
function findExecutable(...names: readonly string[]): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder.startsWith('/')),
    ...extraFolders,
  ];
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
