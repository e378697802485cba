import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

const installed = '/usr/lib/postgresql';
const rowsPerStatement = 50_000;

/** A private PostgreSQL on a socket in a folder of its own, and a plain pool on it. */
export class Postgres {
  readonly #pool: pg.Pool;

  private constructor(
    private readonly folder: string,
    private readonly stopServer: () => void,
    connections: number,
  ) {
    this.#pool = new pg.Pool({ host: folder, user: 'bench', database: 'postgres', max: connections });
    // Without a listener, the end of an idle connection at `stop` would be an uncaught error.
    this.#pool.on('error', () => undefined);
  }

  /** Returns undefined if PostgreSQL is not installed. */
  static start(connections = 1): Postgres | undefined {
    const version = existsSync(installed)
      ? readdirSync(installed)
          .sort((a, b) => Number(a) - Number(b))
          .at(-1)
      : undefined;
    if (version === undefined || !existsSync(join(installed, version, 'bin/initdb'))) return undefined;
    const binary = (name: string): string => join(installed, version, 'bin', name);
    const folder = mkdtempSync(join(tmpdir(), 'roost-postgres-'));
    const user = postgresUser();
    if (user !== undefined) chownSync(folder, user.uid, user.gid);
    const options = { ...user, cwd: folder, encoding: 'utf8' as const, env: { PATH: process.env['PATH'] } };
    const data = join(folder, 'data');
    execFileSync(binary('initdb'), ['-D', data, '-U', 'bench', '--auth=trust', '-E', 'UTF8', '--locale=C'], options);
    const settings = `-c listen_addresses='' -c unix_socket_directories='${folder}' -c shared_buffers=512MB -c work_mem=64MB`;
    const started = spawnSync(
      binary('pg_ctl'),
      ['-D', data, '-w', '-o', settings, '-l', join(folder, 'log'), 'start'],
      { ...options, stdio: 'ignore' },
    );
    if (started.status !== 0) throw new Error(`PostgreSQL did not start; see ${join(folder, 'log')}`);
    return new Postgres(
      folder,
      () => void execFileSync(binary('pg_ctl'), ['-D', data, '-m', 'immediate', 'stop'], options),
      connections,
    );
  }

  /** Runs one statement, prepared if it has values. Returns the number of rows. */
  async run(sql: string, values?: readonly unknown[]): Promise<number> {
    const { rows } = await this.#pool.query(
      values === undefined
        ? { text: sql, rowMode: 'array' }
        : { name: sql.slice(0, 63), text: sql, values: [...values], rowMode: 'array' },
    );
    return rows.length;
  }

  /** Fills a table with columns of 64-bit numbers, and updates the planner's statistics. */
  async fill(table: string, columns: readonly BigInt64Array[]): Promise<void> {
    const places = columns.map((_, i) => `$${i + 1}::bigint[]`).join();
    for (let start = 0; start < columns[0]!.length; start += rowsPerStatement) {
      await this.run(
        `INSERT INTO ${table} SELECT * FROM unnest(${places})`,
        columns.map((column) => Array.from(column.subarray(start, start + rowsPerStatement), String)),
      );
    }
    await this.run(`ANALYZE ${table}`);
  }

  async stop(): Promise<void> {
    await this.#pool.end();
    this.stopServer();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** PostgreSQL does not run as root. */
function postgresUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
