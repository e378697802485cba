import { readdirSync, readFileSync } from 'node:fs';
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { clientOptions } from '../playground/encryption.js';
import { makeDevelopmentCertificates } from '../playground/index.js';
import { runRoost } from './runRoost.js';
import { EncryptedCluster } from './encryptedCluster.js';
import { underLoad } from './underLoad.js';

let sealed: EncryptedCluster;

beforeAll(async () => {
  sealed = await EncryptedCluster.start();
}, 180_000);
afterAll(() => sealed.stop(), 60_000);

const good = async (...args: readonly string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await sealed.roost(...args);
  expect(`${exitCode} ${stderr}`.slice(0, 2_000)).toMatch(/^0 /);
  return stdout;
};

it('runs a cluster with every connection encrypted, by accounts with the rights of `roost grants`', async () => {
  await good('graph', 'create', 'follows', '--shards', '2', '--replicas', '1', '--hosts', 'db1');
  await good('tweets', 'setup', '--window', '1d', '--stripes', '1', '--replicas', '2');
  await good('users', 'setup', '--shards', '1', '--replicas', '2');
  await good('flock', 'add', 'follows', '1', '2');
  await good('tweets', 'create', '1', 'in an envelope');
  const client = await sealed.connect();
  const follows = await client.graph('follows');
  await Promise.all(
    Array.from({ length: 2_000 }, (_, i) => follows.add(5n, BigInt(i + 10), { acknowledgment: 'materialized' })),
  );
  expect(await follows.count(5n)).toBe(2_000n);
  await client.close();
  await good(
    'transform',
    'replicating(flock(db1))',
    'replicating(flock(db1), flock(db2))',
    '--yes',
    '--wait',
    '--cleanup',
  );
  await good('check', 'flock');
  expect(await good('shard', 'list', '--host', 'db2')).toContain('follows');
  expect(await good('ping')).toContain('answers');
  expect(await good('cache', 'stats')).toContain('edges');
  await good('doctor');
}, 240_000);

it('lets an account that reads look, and name the grant that it lacks for the rest', async () => {
  const config = sealed.config('reader.json', ({ databaseHosts }) => {
    for (const host of Object.values(databaseHosts))
      Object.assign(host, { user: 'roost_reader', passwordFile: sealed.file('reader.password') });
  });
  await good('shard', 'list', '--config', config);
  await good('topology', '--config', config);
  await good('ping', '--config', config);
  const refused = await sealed.roost('graph', 'create', 'other', '--config', config);
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr).toMatch(/lacks a grant for the user of databaseHosts\.db\d/);
}, 60_000);

it('serves on through a new certificate of the server: no call fails, and who connects sees the new one', async () => {
  const shown = async (): Promise<string> => {
    const socket = connectTls({ port: sealed.port, host: '127.0.0.1', ...clientOptions(sealed.encryption) });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  const before = await shown();
  const { errors, calls } = await underLoad(sealed, async () => {
    await makeDevelopmentCertificates({ dir: join(sealed.playground.dir, 'certs'), hosts: ['127.0.0.1'], days: 1 });
    await expect.poll(shown, { timeout: 20_000 }).not.toBe(before);
    await sleep(500);
  });
  expect(errors).toEqual([]);
  expect(calls).toBeGreaterThan(10);
}, 90_000);

it('serves on through new passwords of MySQL and Redis, while connections break: no call fails', async () => {
  const [oldMysql, newMysql] = [
    readFileSync(sealed.file('server.password'), 'utf8').trim(),
    sealed.newPassword('mysql'),
  ];
  const [oldRedis, newRedis] = [
    readFileSync(sealed.file('redis.password'), 'utf8').trim(),
    sealed.newPassword('redis'),
  ];
  const account = `'roost_server'@'%'`;
  const mariadb = sealed.playground.serverVersion.startsWith('MariaDB');
  const { errors, calls } = await underLoad(sealed, async () => {
    const native = (password: string): string => `mysql_native_password USING PASSWORD('${password}')`;
    await sealed.asRoot(
      mariadb
        ? `ALTER USER ${account} IDENTIFIED VIA ${native(oldMysql)} OR ${native(newMysql)}`
        : `ALTER USER ${account} IDENTIFIED BY '${newMysql}' RETAIN CURRENT PASSWORD`,
    );
    await sealed.redis.acl('SETUSER', 'roost', `>${newRedis}`);
    sealed.writePassword('server', newMysql);
    sealed.writePassword('redis', newRedis);
    await sealed.asRoot(
      mariadb ? `ALTER USER ${account} IDENTIFIED BY '${newMysql}'` : `ALTER USER ${account} DISCARD OLD PASSWORD`,
    );
    await sealed.redis.acl('SETUSER', 'roost', `<${oldRedis}`);
    // A client that connects again must know the new passwords.
    await sealed.breakConnections();
    await sleep(2_000);
  });
  expect(errors).toEqual([]);
  expect(calls).toBeGreaterThan(10);
}, 90_000);

it('refuses servers of another authority, each with what to set', async () => {
  const { caFile } = await makeDevelopmentCertificates({ dir: sealed.file('others'), hosts: ['127.0.0.1'], days: 1 });
  const trouble = /does not come from an authority that we trust/;
  const refused = async (...args: readonly string[]): Promise<string> => {
    const { exitCode, stderr } = await sealed.roost(...args);
    expect(exitCode).not.toBe(0);
    return stderr;
  };
  const server = ['--server', `127.0.0.1:${sealed.port}`];
  expect(await refused('flock', 'contains', 'follows', '1', '2', ...server, '--tls-ca', caFile)).toMatch(trouble);
  expect(await refused('flock', 'contains', 'follows', '1', '2', ...server, '--plain')).toMatch(
    /it may take encrypted connections only/,
  );
  const mysql = sealed.config('mysql.json', ({ databaseHosts }) => {
    for (const host of Object.values(databaseHosts)) host.tls = { ...host.tls, caFile };
  });
  expect(await refused('shard', 'list', '--config', mysql)).toMatch(trouble);
  expect(await refused('shard', 'list', '--config', mysql)).toMatch(/check databaseHosts\.db1\.tls/);
  const redis = sealed.config('redis.json', (config) => (config.redis!.tls = { ...config.redis!.tls, caFile }));
  expect(await refused('journal', 'status', '--config', redis)).toMatch(trouble);
}, 60_000);

it('refuses to listen beyond loopback in the clear, and says what to set', async () => {
  const config = sealed.config('clear.json', (config) => {
    delete config.tls;
    config.access = { open: true };
  });
  const { exitCode, stderr } = await runRoost(['serve', '--host', '0.0.0.0', '--config', config], sealed.dir);
  sealed.written += stderr;
  expect(exitCode).not.toBe(0);
  expect(stderr).toMatch(
    /server\.host is 0\.0\.0\.0, .*set `tls\.certFile` and `tls\.keyFile`.*or `server\.plain` to true/,
  );
}, 60_000);

it('shows no secret in logs, errors, pages or process lists', async () => {
  const commandLines = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [`${readFileSync(`/proc/${pid}/cmdline`, 'utf8')} ${readFileSync(`/proc/${pid}/environ`, 'utf8')}`];
      } catch {
        return [];
      }
    });
  expect(commandLines.some((line) => line.includes(sealed.dir))).toBe(true);
  expect(sealed.written.length).toBeGreaterThan(10_000);
  for (const [i, secret] of sealed.secrets.entries()) {
    expect(secret.length).toBeGreaterThan(15);
    expect([i, sealed.written.includes(secret), commandLines.some((line) => line.includes(secret))]).toEqual([
      i,
      false,
      false,
    ]);
  }
});
