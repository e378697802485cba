import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { AccessRulesInput } from '../access/index.js';
import { createConnection, type Connection } from 'mysql2/promise';
import { clientOptions, encryptionIn, type Encryption } from '../playground/encryption.js';
import { startPlayground, type Playground } from '../playground/index.js';
import { services, type ClusterConfigInput } from './clusterConfig.js';
import { connect, type Roost } from '../sdk/index.js';
import { callRoost } from './callRoost.js';
import { roostMain, type Finished } from './runRoost.js';

export const cluster = 'sealed';
const newSecret = (what: string): string => `planted-${what}-${randomBytes(6).toString('hex')}`;

/**
 * A cluster that encrypts every connection, gives its accounts only the rights of `roost grants`, and keeps its
 * passwords in files.
 */
export class EncryptedCluster {
  /** All passwords and keys, old and new: no output may show them. */
  readonly secrets: string[] = [];
  /** All that commands and the server have written. */
  written = '';
  server!: ChildProcess;
  /** What clients show and trust. */
  shown: ReturnType<typeof clientOptions>;

  private constructor(
    readonly dir: string,
    readonly playground: Playground,
    readonly encryption: Encryption,
    readonly hosts: readonly Connection[],
    readonly redis: Redis,
  ) {
    this.shown = clientOptions(encryption);
  }

  /** @param identities who may call what. Absent: everybody with a certificate may call everything. */
  static async start(identities?: AccessRulesInput['identities']): Promise<EncryptedCluster> {
    const dir = mkdtempSync(join(tmpdir(), 'roost-sealed-'));
    const playground = await startPlayground({ dir: join(dir, 'p'), tls: true, databaseHosts: 2, caches: 1, services });
    const encryption = encryptionIn(join(playground.dir, 'certs'));
    const tls = clientOptions(encryption);
    const hosts = await Promise.all(
      playground.databaseHosts.map(({ host, port, user, password }) =>
        createConnection({ host, port, user, password, ssl: tls }),
      ),
    );
    const redis = new Redis({ ...playground.redis, tls });
    const made = new EncryptedCluster(dir, playground, encryption, hosts, redis);
    made.secrets.push(playground.databaseHosts[0]!.password, ...made.#keyLines());
    await made.#setUp(identities);
    return made;
  }

  file(name: string): string {
    return join(this.dir, name);
  }

  /** @param changes made to the configuration of the server, in a file of its own */
  config(name: string, changes: (config: ClusterConfigInput) => void): string {
    const config = JSON.parse(readFileSync(this.file('roost.config.json'), 'utf8')) as ClusterConfigInput;
    changes(config);
    writeFileSync(this.file(name), JSON.stringify(config));
    return this.file(name);
  }

  async roost(...args: readonly string[]): Promise<Finished> {
    const config =
      args.includes('--config') || args.includes('--server') ? [] : ['--config', this.file('roost.config.json')];
    const finished = await callRoost([...args, ...config], this.dir);
    this.written += finished.stdout + finished.stderr;
    return finished;
  }

  get ports(): NonNullable<ClusterConfigInput['server']> {
    return (JSON.parse(readFileSync(this.file('roost.config.json'), 'utf8')) as ClusterConfigInput).server!;
  }

  /** host:port of each cache node. */
  get caches(): readonly string[] {
    return (JSON.parse(readFileSync(this.file('roost.config.json'), 'utf8')) as ClusterConfigInput).memcached!;
  }

  get port(): number {
    return this.ports.flockPort!;
  }

  connect(): Promise<Roost> {
    return connect({ servers: [`127.0.0.1:${this.port}`], tls: () => this.shown, deadlineMs: 20_000 });
  }

  newPassword(of: string): string {
    const password = newSecret(of);
    this.secrets.push(password);
    return password;
  }

  /** A file is whole at every moment. */
  writePassword(of: string, password: string): void {
    this.replace(this.file(`${of}.password`), `${password}\n`);
  }

  /** Replaces a file in one step. */
  replace(file: string, text: string): void {
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  /** Runs a statement on every database host, as their operator. */
  async asRoot(sql: string): Promise<void> {
    for (const host of this.hosts) await host.query(sql);
  }

  /** Ends every connection of the server to a database and to Redis, so that it must make each anew. */
  async breakConnections(): Promise<void> {
    for (const host of this.hosts) {
      const [rows] = await host.query({
        sql: "SELECT id FROM information_schema.processlist WHERE user = 'roost_server'",
        rowsAsArray: true,
      });
      for (const [id] of rows as number[][]) await host.query(`KILL ${id}`).catch(() => undefined);
    }
    await this.redis.client('KILL', 'USER', 'roost');
  }

  /** Starts the server, also again after it has ended. */
  async serve(): Promise<void> {
    this.server = spawn(process.execPath, [roostMain, 'serve', '--json', '--config', this.file('roost.config.json')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.server.stderr!.on('data', (part: Buffer) => (this.written += part.toString()));
    const ready = once(this.server.stdout!, 'data');
    const ended = once(this.server, 'exit').then(() => Promise.reject(new Error(this.written.slice(-4_000))));
    await Promise.race([ready, ended]);
    ended.catch(() => undefined);
    this.server.stdout!.resume();
  }

  async stop(): Promise<void> {
    if (this.server?.exitCode === null) {
      this.server.kill('SIGTERM');
      await once(this.server, 'exit');
    }
    await Promise.all(this.hosts.map((host) => host.end()));
    this.redis.disconnect();
    await this.playground.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #setUp(identities: AccessRulesInput['identities'] | undefined): Promise<void> {
    for (const account of ['server', 'operator', 'reader']) {
      const password = this.newPassword(account);
      this.writePassword(account, password);
      await this.asRoot(`CREATE USER 'roost_${account}'@'%' IDENTIFIED BY '${password}' REQUIRE X509`);
    }
    const redisPassword = this.newPassword('redis');
    this.writePassword('redis', redisPassword);
    await this.redis.acl('SETUSER', 'roost', 'on', '~*', '&*', '+@all', `>${redisPassword}`);
    const config = JSON.parse(readFileSync(this.playground.configPath, 'utf8')) as ClusterConfigInput;
    config.cluster = cluster;
    config.log = { level: 'debug' };
    config.redis = { ...config.redis, username: 'roost', passwordFile: this.file('redis.password') };
    for (const host of Object.values(config.databaseHosts)) {
      delete host.password;
      Object.assign(host, { user: 'roost_server', passwordFile: this.file('server.password') });
    }
    config.cache = { ...config.cache, graphs: true };
    if (identities !== undefined) {
      config.access = { file: this.file('access.json') };
      writeFileSync(config.access.file!, JSON.stringify({ identities }));
    }
    writeFileSync(this.file('roost.config.json'), JSON.stringify(config));
    const { stdout } = await this.roost('grants', '--json');
    const { accounts } = JSON.parse(stdout) as { accounts: { statements: string[] }[] };
    for (const { statements } of accounts) for (const sql of statements) await this.asRoot(sql);
    await this.serve();
  }

  /** One line of each private key. */
  #keyLines(): string[] {
    return [
      this.encryption.server.keyFile,
      this.encryption.client.keyFile,
      join(this.playground.dir, 'certs/ca.key'),
    ].map((file) => readFileSync(file, 'utf8').split('\n')[3]!);
  }
}
