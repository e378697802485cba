import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Deadline, RoostError } from '../core/index.js';
import { startPlayground, type Playground } from '../playground/index.js';
import { silentLog, type TlsConfig } from '../process/index.js';
import { RedisHost } from './redisHost.js';

const dir = mkdtempSync(join(tmpdir(), 'roost-tls-'));
const file = (name: string): string => join(dir, name);
const ours = { caFile: file('ca.pem'), certFile: file('cert.pem'), keyFile: file('key.pem') };
let playground: Playground;
let operator: Redis;
let port: number;
const opened: RedisHost[] = [];

const openssl = (...args: string[]): void => {
  execFileSync('openssl', args, { stdio: 'pipe', cwd: dir });
};

/** A new authority `X-ca.pem`, and a certificate of it for this machine that servers and clients may show. */
function makeCertificates(name: string): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', `${name}-ca.key`, '-out', `${name}-ca.pem`, '-subj', `/CN=${name}`);
  openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', '/CN=roost');
  writeFileSync(file('san'), 'subjectAltName=IP:127.0.0.1');
  const by = ['-CA', `${name}-ca.pem`, '-CAkey', `${name}-ca.key`, '-CAcreateserial', '-extfile', 'san'];
  openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.pem`);
}

/** Has Redis show the certificate of one authority, and take only clients of the same. */
const serve = (name: string) =>
  operator.config(
    'SET',
    ...['tls-cert-file', file(`${name}.pem`), 'tls-key-file', file(`${name}.key`)],
    ...['tls-ca-cert-file', file(`${name}-ca.pem`), 'tls-auth-clients', 'yes', 'tls-port', `${port}`],
  );

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}

function pingOver(tls: TlsConfig | undefined): () => Promise<string> {
  const host = new RedisHost('r1', { ...playground.redis, port, tls }, silentLog);
  opened.push(host);
  return () => host.run(Deadline.after(3_000), (redis) => redis.ping());
}

/** Puts an authority's files where the configuration looks for them. */
function install(name: string): void {
  openssl('x509', '-in', `${name}-ca.pem`, '-out', ours.caFile);
  openssl('x509', '-in', `${name}.pem`, '-out', ours.certFile);
  openssl('pkey', '-in', `${name}.key`, '-out', ours.keyFile);
}

beforeAll(async () => {
  playground = await startPlayground({ dir: file('p'), databaseHosts: 1, caches: 0 });
  operator = new Redis(playground.redis);
  for (const name of ['one', 'two']) makeCertificates(name);
  port = await freePort();
  await serve('one');
  install('one');
});
afterAll(async () => {
  for (const host of opened) host.close();
  await operator.quit();
  await playground.stop();
  rmSync(dir, { recursive: true, force: true });
});

it('reaches a Redis that asks for certificates, and again once all of them are replaced', async () => {
  const ping = pingOver(ours);
  expect(await ping()).toBe('PONG');
  await serve('two');
  install('two');
  await operator.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await expect.poll(() => ping().catch(String), { timeout: 10_000 }).toBe('PONG');
  await serve('one');
  install('one');
});

it('refuses a Redis of another authority, one of another name, and is refused without a certificate or TLS', async () => {
  const unavailable = { code: 'Unavailable' };
  await expect(pingOver({ ...ours, caFile: file('two-ca.pem') })()).rejects.toMatchObject(unavailable);
  await expect(pingOver({ ...ours, servername: 'elsewhere' })()).rejects.toMatchObject(unavailable);
  await expect(pingOver({ caFile: ours.caFile })()).rejects.toThrow(RoostError);
  await expect(pingOver(undefined)()).rejects.toThrow(RoostError);
});

it('says which file is missing, and which do not belong together', async () => {
  const precondition = { code: 'FailedPrecondition' };
  await expect(pingOver({ caFile: file('none.pem') })()).rejects.toMatchObject({
    ...precondition,
    message: expect.stringContaining('none.pem') as string,
  });
  await expect(pingOver({ ...ours, keyFile: file('two.key') })()).rejects.toMatchObject({
    ...precondition,
    message: expect.stringContaining('two.key') as string,
  });
});
