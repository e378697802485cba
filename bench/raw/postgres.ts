import { execFileSync, spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const installed = '/usr/lib/postgresql';
const mark = '-- end of the answer --';

/** A private PostgreSQL on a socket in a folder of its own, asked through psql, which costs far less than the queries that it is here for. */
export class Postgres {
  #waiting: { resolve: (lines: number) => void; reject: (error: Error) => void } | undefined;
  #output = '';
  #errors = '';

  private constructor(
    private readonly folder: string,
    private readonly stopServer: () => void,
    private readonly psql: ChildProcessWithoutNullStreams,
  ) {
    psql.stdout.setEncoding('utf8').on('data', (text: string) => this.#received(text));
    psql.stderr.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    psql.on('exit', () => this.#waiting?.reject(new Error(`psql ended: ${this.#errors}`)));
  }

  /** Undefined where PostgreSQL is not installed. */
  static start(): Postgres | undefined {
    const version = existsSync(installed) ? readdirSync(installed).sort((a, b) => Number(a) - Number(b)).at(-1) : undefined;
    if (version === undefined || !existsSync(join(installed, version, 'bin/initdb'))) return undefined;
    const binary = (name: string): string => join(installed, version, 'bin', name);
    const folder = mkdtempSync(join(tmpdir(), 'roost-postgres-'));
    const user = postgresUser();
    if (user !== undefined) chownSync(folder, user.uid, user.gid);
    const options = { ...user, cwd: folder, encoding: 'utf8' as const, env: { PATH: process.env['PATH'] } };
    const data = join(folder, 'data');
    execFileSync(binary('initdb'), ['-D', data, '-U', 'bench', '--auth=trust', '-E', 'UTF8', '--locale=C'], options);
    const settings = `-c listen_addresses='' -c unix_socket_directories='${folder}' -c shared_buffers=512MB -c work_mem=64MB`;
    const started = spawnSync(binary('pg_ctl'), ['-D', data, '-w', '-o', settings, '-l', join(folder, 'log'), 'start'], { ...options, stdio: 'ignore' });
    if (started.status !== 0) throw new Error(`PostgreSQL did not start; see ${join(folder, 'log')}`);
    const stop = (): void => void execFileSync(binary('pg_ctl'), ['-D', data, '-m', 'immediate', 'stop'], options);
    const psql = spawn(binary('psql'), ['-h', folder, '-U', 'bench', '-d', 'postgres', '-qAtX', '-v', 'ON_ERROR_STOP=1'], options);
    return new Postgres(folder, stop, psql);
  }

  /** Runs one statement and returns how many rows came. */
  run(sql: string): Promise<number> {
    return this.#send(`${sql};\n`);
  }

  /** Loads lines of tab-separated values. */
  async copy(table: string, lines: readonly string[]): Promise<void> {
    await this.#send(`COPY ${table} FROM STDIN;\n${lines.join('\n')}\n\\.\n`);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.psql.on('exit', resolve));
    this.psql.stdin.end();
    await ended;
    this.stopServer();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #send(text: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.psql.stdin.write(`${text}\\echo '${mark}'\n`);
    });
  }

  #received(text: string): void {
    this.#output += text;
    if (!this.#output.endsWith(`${mark}\n`)) return;
    const lines = this.#output.split('\n').length - 2;
    this.#output = '';
    this.#waiting?.resolve(lines);
    this.#waiting = undefined;
  }
}

/** PostgreSQL does not run as root. */
function postgresUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
