import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync, constants } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RoostError } from '../core/index.js';
import type { MysqlBinaries, MysqlFamily } from './binaries.js';
import type { Encryption } from './encryption.js';

/** Settings of a small private database: durable, and small enough that several fit a laptop. */
const sizes = {
  bufferPoolMiB: 256,
  /** Large enough that a load does not wait for checkpoints. */
  redoLogMiB: 128,
  maxConnections: 300,
} as const;

/** For the command line of a process and of a container alike. */
export const mysqlSettings = (family: MysqlFamily): string[] => [
  '--skip-name-resolve',
  '--skip-log-bin',
  '--performance-schema=OFF',
  '--character-set-server=utf8mb4',
  // The only collation that both families have and sort alike.
  '--collation-server=utf8mb4_bin',
  `--max-connections=${sizes.maxConnections}`,
  `--innodb-buffer-pool-size=${sizes.bufferPoolMiB}M`,
  '--innodb-flush-log-at-trx-commit=1',
  ...(family === 'mariadb'
    ? [`--innodb-log-file-size=${sizes.redoLogMiB}M`]
    : [`--loose-innodb-redo-log-capacity=${sizes.redoLogMiB}M`, '--loose-mysqlx=OFF']),
];

export interface MysqlServerOptions {
  readonly folder: string;
  readonly socketPath: string;
  readonly port: number;
  readonly password: string;
  readonly encryption?: Encryption | undefined;
}

/** The command line of one database. Writes the accounts' file, which the server runs before it takes connections. */
export function mysqlArguments(binaries: MysqlBinaries, options: MysqlServerOptions): string[] {
  const accounts = join(options.folder, 'accounts.sql');
  writeFileSync(accounts, accountsSql(options.password), { mode: 0o600 });
  mkdirSync(temporaryFolder(options.folder), { recursive: true, mode: 0o700 });
  return [
    '--no-defaults',
    ...userArguments(),
    `--datadir=${dataFolder(options.folder)}`,
    `--tmpdir=${temporaryFolder(options.folder)}`,
    `--secure-file-priv=${temporaryFolder(options.folder)}`,
    `--pid-file=${join(options.folder, 'pid')}`,
    `--socket=${options.socketPath}`,
    '--bind-address=127.0.0.1',
    `--port=${options.port}`,
    `--init-file=${accounts}`,
    ...mysqlSettings(binaries.family),
    ...(options.encryption === undefined ? [] : tlsArguments(options.encryption)),
  ];
}

const tlsArguments = ({ caFile, server }: Encryption): string[] => [
  `--ssl-ca=${caFile}`,
  `--ssl-cert=${server.certFile}`,
  `--ssl-key=${server.keyFile}`,
  '--require-secure-transport=ON',
];

/** True once the server has a complete data folder. */
export const hasMysqlData = (folder: string): boolean => existsSync(dataFolder(folder));

/**
 * Creates the data folders of several servers: one is initialized and then copied, which takes a tenth of the time. A
 * folder gets its name only when complete, so that a folder that a killed process left is never taken for data.
 */
export async function initializeMysqlData(
  binaries: MysqlBinaries,
  template: string,
  folders: readonly string[],
): Promise<void> {
  rmSync(template, { recursive: true, force: true });
  const pristine = dataFolder(template);
  mkdirSync(temporaryFolder(template), { recursive: true, mode: 0o700 });
  await runInitializer(binaries, template, pristine);
  for (const folder of folders) {
    const unfinished = `${dataFolder(folder)}.tmp`;
    rmSync(unfinished, { recursive: true, force: true });
    cpSync(pristine, unfinished, { recursive: true, mode: constants.COPYFILE_FICLONE });
    // MySQL identifies a server by this file and creates a new file if it is absent.
    rmSync(join(unfinished, 'auto.cnf'), { force: true });
    renameSync(unfinished, dataFolder(folder));
  }
  rmSync(template, { recursive: true, force: true });
}

// Without --force the script refuses a machine that cannot resolve its own name; the accounts do not need that name.
async function runInitializer(binaries: MysqlBinaries, template: string, dataDir: string): Promise<void> {
  const common = ['--no-defaults', ...userArguments(), `--datadir=${dataDir}`, `--tmpdir=${temporaryFolder(template)}`];
  const [command, args] =
    binaries.install === undefined
      ? [binaries.server, [...common, '--initialize-insecure']]
      : [
          binaries.install,
          [
            ...common,
            '--auth-root-authentication-method=normal',
            '--skip-test-db',
            '--force',
            '--innodb-log-file-size=8M',
          ],
        ];
  try {
    await promisify(execFile)(command, args, { cwd: template, timeout: 120_000, maxBuffer: 4 * 1024 * 1024 });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const output = `${stdout}${stderr}`.trim().split('\n').slice(-15).join('\n');
    throw new RoostError(
      'FailedPrecondition',
      `${command} could not make a data folder:\n${output}${confinementHint(binaries, output)}`,
      {
        fields: { dir: template },
        cause: error,
      },
    );
  }
}

/** Ubuntu confines its mysqld to the system's own folders, whatever the user's rights. */
const confinementHint = ({ family }: MysqlBinaries, output: string): string =>
  family === 'mysql' && existsSync('/etc/apparmor.d/usr.sbin.mysqld') && /permission denied|errno: 13/i.test(output)
    ? '\nAppArmor confines mysqld to its system folders: install mariadb-server, use containers, or run `aa-complain /usr/sbin/mysqld` as root'
    : '';

const dataFolder = (folder: string): string => join(folder, 'data');
const temporaryFolder = (folder: string): string => join(folder, 'tmp');

/** A database refuses to run as root unless `--user` says so. */
const userArguments = (): string[] => (process.getuid?.() === 0 ? ['--user=root'] : []);

/** Every user of the machine can reach the port, so the accounts need a password. */
const accountsSql = (password: string): string =>
  [
    `ALTER USER 'root'@'localhost' IDENTIFIED BY '${password}';`,
    `CREATE USER IF NOT EXISTS 'root'@'127.0.0.1';`,
    `ALTER USER 'root'@'127.0.0.1' IDENTIFIED BY '${password}';`,
    `GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;`,
    '',
  ].join('\n');
