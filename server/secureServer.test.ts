import { once } from 'node:events';
import { get } from 'node:https';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type SecureVersion } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { makeDevelopmentCertificates, type CertificateFiles } from '../playground/developmentCertificates.js';
import { Metrics, ServerTls, silentLog, type OwnTlsConfig } from '../process/index.js';
import { connect, type ConnectOptions, type Roost, type TlsOptions } from '../sdk/index.js';
import { containsCall } from '../test/inMemory/rawClient.js';
import { metric } from '../test/inMemory/rawServer.js';
import { startTestServer, type TestServer } from '../test/inMemory/testServer.js';
import { AdminServer } from './adminServer.js';

const dir = mkdtempSync(join(tmpdir(), 'roost-tls-'));
const open: { close(): Promise<unknown> }[] = [];
let ours: CertificateFiles;
let others: CertificateFiles;

beforeAll(async () => {
  const make = (name: string) =>
    makeDevelopmentCertificates({
      dir: join(dir, name),
      hosts: ['127.0.0.1', 'db.example'],
      clients: ['web'],
      days: 2,
    });
  [ours, others] = [await make('ours'), await make('others')];
});
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});
afterAll(() => rmSync(dir, { recursive: true }));

const serverTls = (files = ours): OwnTlsConfig => ({ ...files.server, clientCaFile: files.caFile });
const pem = (file: string): string => readFileSync(file, 'utf8');
const nameless = (trusted = ours): TlsOptions => ({ ca: pem(trusted.caFile) });
const clientTls = (trusted = ours, { clients: { web } } = ours): TlsOptions => ({
  ...nameless(trusted),
  cert: pem(web!.certFile),
  key: pem(web!.keyFile),
});

async function start(tls: OwnTlsConfig, limits = {}): Promise<TestServer> {
  const server = await startTestServer({ tls, limits });
  open.push({ close: () => server.close(0) });
  return server;
}

async function client(server: TestServer, tls: ConnectOptions['tls']): Promise<Roost> {
  const roost = await connect({ servers: [server.address], tls, deadlineMs: 3_000 });
  open.push(roost);
  return roost;
}

it('serves encrypted connections, and tells handlers the names of the client', async () => {
  const server = await start(serverTls());
  const follows = await (await client(server, clientTls())).graph('follows');
  expect(await follows.contains(1, 2)).toBe(false);
  expect(server.peers).toEqual([{ address: '127.0.0.1', certificate: { commonName: 'web', names: [] } }]);
});

it('takes clients without a certificate where none is asked for, and gives them no name', async () => {
  const server = await start(ours.server);
  await client(server, nameless());
  expect(server.peers).toEqual([{ address: '127.0.0.1' }]);
});

it('carries calls and answers of many records', async () => {
  const server = await start(serverTls());
  const follows = await (await client(server, clientTls())).graph('follows');
  const ids = BigInt64Array.from({ length: 20_000 }, (_, i) => BigInt(i + 1));
  const held = await follows.containsMany({ sourceIds: ids, destinationIds: ids });
  expect([held.length, held.includes(true)]).toEqual([20_000, false]);
});

it('shows a new certificate to those who connect after it was replaced, and keeps connections that are there', async () => {
  const files = join(dir, 'replaced');
  cpSync(join(dir, 'ours'), files, { recursive: true });
  const tls: OwnTlsConfig = { certFile: join(files, 'server.pem'), keyFile: join(files, 'server.key') };
  const server = await start(tls);
  const before = await client(server, nameless());
  // In the middle of a replacement, the certificate and the key do not belong together.
  cpSync(others.server.keyFile, tls.keyFile!);
  await sleep(1_100);
  await client(server, nameless());
  cpSync(others.server.certFile, tls.certFile!);
  await sleep(1_100);
  await client(server, nameless(others));
  await expect(client(server, nameless())).rejects.toMatchObject({ code: 'FailedPrecondition' });
  expect((await before.graphs()).length).toBe(2);
});

it('refuses a client whose authority was taken out, also where it resumes a session of before', async () => {
  const files = join(dir, 'resumed');
  cpSync(join(dir, 'ours'), files, { recursive: true });
  const clientCaFile = join(files, 'ca.pem');
  const server = await start({ ...ours.server, clientCaFile });
  const call = async (version: SecureVersion, session?: Buffer): Promise<[answered: boolean, Buffer | undefined]> => {
    const options = { ...clientTls(), port: server.port, host: '127.0.0.1', session, maxVersion: version };
    const socket = connectTls(options);
    let ticket: Buffer | undefined;
    socket.on('session', (given: Buffer) => (ticket = given));
    socket.on('error', () => undefined);
    socket.once('secureConnect', () => socket.write(containsCall(true, 1)));
    const answered = await Promise.race([
      once(socket, 'data').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    return [answered, ticket];
  };
  const versions = ['TLSv1.2', 'TLSv1.3'] as const;
  const sessions = await Promise.all(versions.map((version) => call(version)));
  expect(sessions).toEqual(versions.map((): unknown[] => [true, expect.any(Buffer)]));
  cpSync(others.caFile, clientCaFile);
  await sleep(1_100);
  for (const [i, version] of versions.entries()) expect((await call(version, sessions[i]![1]))[0]).toBe(false);
});

it('tells a client whose keys do not fit the reason and the next step, before the deadline', async () => {
  const server = await start(serverTls());
  const refusal = (of: TestServer, tls: ConnectOptions['tls']): Promise<string> =>
    client(of, tls).then(
      () => 'connected',
      (error: { code: string; message: string }) => `${error.code} ${error.message}`,
    );
  expect(await refusal(server, clientTls(others))).toMatch(
    /^FailedPrecondition server 127\.0\.0\.1:\d+: its certificate does not come from an authority that we trust .*`ca`/,
  );
  expect(await refusal(server, { ...clientTls(), servername: 'elsewhere' })).toMatch(
    /^FailedPrecondition .*its certificate is for another name .*`servername`/,
  );
  expect(await refusal(server, nameless())).toMatch(
    /^FailedPrecondition .*it does not take our certificate, or that we show none .*`cert` and `key`/,
  );
  expect(await refusal(server, clientTls(ours, others))).toMatch(/ours may not come from an authority that it trusts/);
  expect(await refusal(server, undefined)).toMatch(/it may take encrypted connections only/);
  const plain = await startTestServer();
  open.push({ close: () => plain.close(0) });
  expect(await refusal(plain, clientTls())).toMatch(/^(FailedPrecondition .*does not speak TLS|Unavailable)/);
});

it('refuses to connect beyond this machine in the clear, unless asked to', async () => {
  await expect(connect('192.0.2.1:7915')).rejects.toMatchObject({
    code: 'InvalidArgument',
    message: expect.stringContaining('`tls`') as string,
  });
  await expect(connect({ servers: ['192.0.2.1:7915'], tls: false, deadlineMs: 1 })).rejects.not.toMatchObject({
    code: 'InvalidArgument',
  });
});

it('counts clients that never finish their handshake, and gives their places to others', async () => {
  const server = await start(serverTls(), { connections: 8, connectionsPerAddress: 8 });
  const silent = Array.from({ length: 8 }, () => connectPlain({ host: '127.0.0.1', port: server.port }));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  for (const socket of silent) socket.on('error', () => undefined);
  expect((await (await client(server, clientTls())).graphs()).length).toBe(2);
  expect(await metric(server, /^roost_rpc_connections\{.*\} [0-8]$/m)).toBeDefined();
  for (const socket of silent) socket.destroy();
});

it('ends connections whose first bytes are no handshake, and serves the others', async () => {
  const server = await start(serverTls());
  const roost = await client(server, clientTls());
  const garbage = connectPlain({ host: '127.0.0.1', port: server.port });
  garbage.on('error', () => undefined);
  garbage.write('GET / HTTP/1.1\r\n\r\n');
  await once(garbage, 'close');
  expect((await roost.graphs()).length).toBe(2);
  expect(await metric(server, /^roost_rpc_connections_refused_total\{reason="handshake"\} 1$/m)).toBeDefined();
});

it('answers a client that has half-closed its encrypted connection', async () => {
  const server = await start(serverTls());
  const options = { ...clientTls(), port: server.port, host: '127.0.0.1', allowHalfOpen: true };
  const socket = connectTls(options);
  await once(socket, 'secureConnect');
  socket.end(Buffer.from([0, 0, 0, 17, 0x80, 1, 0, 1, 0, 0, 0, 4, ...Buffer.from('nope'), 0, 0, 0, 1, 0]));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString('latin1')).toContain('nope');
  await once(socket, 'close');
});

it('shows the admin pages to clients with a certificate, and to others only that it works', async () => {
  const admin = await AdminServer.listen({
    host: '127.0.0.1',
    port: 0,
    registry: () => new Metrics().registry,
    notReady: () => 'the name server at 10.0.0.7 has not been read',
    info: () => ({ version: '1' }),
    tls: new ServerTls(serverTls(), silentLog),
  });
  open.push(admin);
  const page = (path: string, tls: TlsOptions): Promise<string> =>
    new Promise((resolve, reject) => {
      get({ port: admin.port, host: '127.0.0.1', path, agent: false, ...tls }, (response) => {
        let body = '';
        response.on('data', (part: Buffer) => (body += part.toString()));
        response.on('end', () => resolve(`${response.statusCode} ${body.trim()}`));
      }).on('error', reject);
    });
  for (const stranger of [nameless(), clientTls(ours, others)]) {
    expect(await page('/healthz', stranger)).toBe('200 ok');
    expect(await page('/readyz', stranger)).toBe('503 not ready');
    expect(await page('/metrics', stranger)).toMatch(/^401 this page is for clients with a certificate/);
    expect(await page('/server_info', stranger)).toMatch(/^401/);
  }
  expect(await page('/server_info', clientTls())).toMatch(/^200 .*"version": "1"/s);
  expect(await page('/readyz', clientTls())).toBe('503 the name server at 10.0.0.7 has not been read');
});
