import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newToken } from '../access/index.js';
import { makeDevelopmentCertificates } from '../playground/index.js';
import { connect } from '../sdk/index.js';
import { EncryptedCluster } from './encryptedCluster.js';
import { runRoost } from './runRoost.js';
import { underLoad } from './underLoad.js';

let sealed: EncryptedCluster;
const token = newToken();
const hosts = ['localhost', '127.0.0.1', '::1'];

beforeAll(async () => {
  sealed = await EncryptedCluster.start({
    // Commands show the certificate of the configuration.
    operator: { certificates: ['CN:roost server'], grants: [{ roles: ['admin'] }] },
    app: { certificates: ['CN:client'], grants: [{ roles: ['read', 'write'], services: ['flock'] }] },
    scraper: { tokens: [token.record], grants: [{ roles: ['read'] }], callsPerSecond: 100 },
  });
  await good('graph', 'create', 'follows', '--shards', '2', '--replicas', '2');
}, 240_000);
afterAll(() => sealed.stop(), 60_000);

const good = async (...args: readonly string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await sealed.roost(...args);
  expect(`${exitCode} ${stderr}`.slice(0, 2_000)).toMatch(/^0 /);
  return stdout;
};

/** Makes MySQL, Redis and memcached read their certificates and authorities again. */
async function reloadServers(): Promise<void> {
  const { caFile, server } = sealed.encryption;
  const mariadb = sealed.playground.serverVersion.startsWith('MariaDB');
  await sealed.asRoot(mariadb ? 'FLUSH SSL' : 'ALTER INSTANCE RELOAD TLS');
  await sealed.redis.config(
    'SET',
    ...['tls-cert-file', server.certFile, 'tls-key-file', server.keyFile, 'tls-ca-cert-file', caFile],
  );
  for (const node of sealed.caches) {
    const [host, port] = node.split(':');
    const socket = connectTls({ host, port: Number(port), ...sealed.shown });
    await once(socket, 'secureConnect');
    socket.write('refresh_certs\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toBe('OK\r\n');
    socket.destroy();
  }
}

it('serves on while the authority and every certificate of it are replaced: no call fails', async () => {
  const { encryption } = sealed;
  const pem = (file: string): string => readFileSync(file, 'utf8');
  const before = sealed.shown;
  const next = await makeDevelopmentCertificates({ dir: sealed.file('next'), hosts, clients: ['client'], days: 1 });
  const [oldCa, newCa] = [pem(encryption.caFile), pem(next.caFile)];
  const pairs = [
    [encryption.server, next.server],
    [encryption.client, next.clients['client']!],
  ] as const;
  const until = async (work: () => void): Promise<void> => {
    work();
    await reloadServers();
    await sleep(1_500);
    await sealed.breakConnections();
    await sleep(1_500);
  };
  const { errors, calls } = await underLoad(sealed, async () => {
    await until(() => {
      sealed.replace(encryption.caFile, oldCa + newCa);
      sealed.shown = { ...sealed.shown, ca: oldCa + newCa };
    });
    await until(() => {
      for (const [ours, theirs] of pairs) {
        sealed.replace(ours.keyFile, pem(theirs.keyFile));
        sealed.replace(ours.certFile, pem(theirs.certFile));
      }
      const { certFile, keyFile } = encryption.client;
      sealed.shown = { ...sealed.shown, cert: pem(certFile), key: pem(keyFile) };
    });
    await until(() => {
      sealed.replace(encryption.caFile, newCa);
      sealed.shown = { ...sealed.shown, ca: newCa };
    });
  });
  expect(errors).toEqual([]);
  expect(calls).toBeGreaterThan(5);
  const servers = [`127.0.0.1:${sealed.port}`];
  for (const tls of [before, { ...before, ca: newCa }])
    await expect(connect({ servers, tls })).rejects.toThrow(/certificate/);
  expect(await good('cache', 'stats')).toContain('edges');
  expect(await good('ping')).toContain('answers');
}, 120_000);

/** Returns a page of the admin port to a caller that shows the certificate of clients. */
async function page(path: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ host: '127.0.0.1', port: sealed.ports.adminPort, path, agent: false, headers, ...sealed.shown }, resolve).on(
      'error',
      reject,
    );
  });
  const all = `${answer.statusCode} ${JSON.stringify(answer.headers)} ${await text(answer)}`;
  sealed.written += all;
  return all;
}

/** Returns all bytes of the files in a folder; compressed files are unpacked. */
const contentsOf = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const bytes = readFileSync(join(entry.parentPath, entry.name));
      return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('latin1');
    });

it('shows no secret while log-ins fail, servers die and everything is looked at', async () => {
  const wrongToken = newToken().text;
  sealed.secrets.push(token.text, wrongToken);
  const files = { right: sealed.file('scraper.token'), wrong: sealed.file('wrong.token') };
  writeFileSync(files.right, token.text);
  writeFileSync(files.wrong, wrongToken);

  // Commands and servers with wrong passwords, in their files and in the configuration.
  sealed.writePassword('wrong', sealed.newPassword('wrong'));
  const wrong = { passwordFile: sealed.file('wrong.password') };
  const both = { password: sealed.newPassword('both'), ...wrong };
  const mysql = sealed.config('wrong-mysql.json', ({ databaseHosts }) => {
    for (const host of Object.values(databaseHosts)) Object.assign(host, wrong);
  });
  const redis = sealed.config('wrong-redis.json', (config) => Object.assign(config.redis!, wrong));
  const invalid = sealed.config('invalid.json', (config) => {
    config.redis = { ...config.redis, ...both };
    Object.assign(config.databaseHosts['db1']!, both);
  });
  const written = async (args: string[], environment: NodeJS.ProcessEnv = {}): Promise<number> => {
    const { exitCode, stdout, stderr } = await runRoost(args, sealed.dir, environment);
    sealed.written += stdout + stderr;
    return exitCode;
  };
  for (const config of [mysql, redis, invalid]) {
    for (const command of ['topology', 'journal status', 'doctor'])
      await written([...command.split(' '), '--verbose', '--config', config]);
    expect([config, await written(['serve', '--log-level', 'debug', '--config', config])]).not.toEqual([config, 0]);
  }
  const inEnvironment = { ROOST__REDIS__PASSWORD: sealed.newPassword('environment') };
  expect(await written(['journal', 'status', '--config', redis], inEnvironment)).not.toBe(0);

  // Tokens that are wrong, or do not suffice.
  const server = ['--server', `127.0.0.1:${sealed.port}`, '--tls-ca', sealed.encryption.caFile];
  const shown = ['--tls-cert', sealed.encryption.client.certFile, '--tls-key', sealed.encryption.client.keyFile];
  for (const [file, verb] of [
    [files.wrong, 'contains'],
    [files.right, 'add'],
  ] as const)
    expect(
      await written(['flock', verb, 'follows', '1', '2', ...server, ...shown, '--token-file', file, '--verbose']),
    ).not.toBe(0);
  for (const authorization of [`Bearer ${wrongToken}`, `Basic ${token.text}`, token.text])
    expect(await page('/metrics', { authorization })).toMatch(/^401/);

  // The server has to log in again with wrong passwords, and is killed while it tries.
  const right = Object.fromEntries(
    ['server', 'redis'].map((of) => [of, readFileSync(sealed.file(`${of}.password`), 'utf8').trim()]),
  );
  for (const of of ['server', 'redis']) sealed.writePassword(of, sealed.newPassword(`wrong-${of}`));
  await sealed.breakConnections();
  await sleep(3_000);
  for (const path of ['/readyz', '/metrics', '/server_info', '/server_info.txt', '/stats.txt'])
    await page(path, { authorization: `Bearer ${token.text}` });
  expect(await written(['serve', '--config', sealed.file('roost.config.json')])).not.toBe(0);
  const died = once(sealed.server, 'exit');
  sealed.server.kill('SIGABRT');
  await died;
  for (const [of, password] of Object.entries(right)) sealed.writePassword(of, password);
  await sealed.serve();

  // Everything that shows something.
  for (const path of ['/readyz', '/metrics', '/server_info', '/server_info.txt', '/stats.txt'])
    expect(await page(path, { authorization: `Bearer ${token.text}` })).toMatch(/^200/);
  for (const args of [
    'topology',
    'ping',
    'doctor',
    'audit',
    'host list',
    'shard list',
    'job list',
    'journal status',
    'cache stats',
    'access check',
    'access token list',
  ])
    for (const form of ['--verbose', '--json']) await sealed.roost(...args.split(' '), form);
  await good('backup', 'run', sealed.file('backup'));
  const kept = contentsOf(sealed.file('backup'));
  expect(kept.length).toBeGreaterThan(0);
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [`${readFileSync(`/proc/${pid}/cmdline`, 'utf8')} ${readFileSync(`/proc/${pid}/environ`, 'utf8')}`];
      } catch {
        return [];
      }
    });
  for (const secret of sealed.secrets) {
    expect(secret.length).toBeGreaterThan(15);
    const at = sealed.written.indexOf(secret);
    expect(at < 0 ? undefined : sealed.written.slice(Math.max(0, at - 600), at + 200)).toBeUndefined();
    expect([kept, processes].map((texts) => texts.some((each) => each.includes(secret)))).toEqual([false, false]);
  }
}, 240_000);
