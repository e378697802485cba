import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Metrics } from '../process/index.js';
import { AdminServer } from './adminServer.js';

let admin: AdminServer;
let why: string | undefined;

beforeAll(async () => {
  const metrics = new Metrics();
  metrics.counter('things_total', 'Things').inc(3);
  metrics.gauge('depth', 'Depth', ['queue']).set({ queue: 'low' }, 7);
  const waits = metrics.histogram('waits_seconds', 'Waits');
  for (const seconds of [1, 3]) waits.observe(seconds);
  admin = await AdminServer.listen({
    host: '127.0.0.1',
    port: 0,
    registry: () => metrics.registry,
    notReady: () => {
      if (why === 'broken') throw new Error('cannot tell');
      return why;
    },
    info: () => ({ version: '1.2.3', tables: [{ base: 2n ** 60n }] }),
  });
});

afterAll(() => admin.close());

const get = async (
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; type: string | null; body: string }> => {
  // No kept-alive connection, which would outlive the test.
  const response = await fetch(`http://127.0.0.1:${admin.port}${path}`, { ...init, headers: { connection: 'close' } });
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
};

it('answers /healthz with 200', async () => {
  expect(await get('/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
  expect(await get('/healthz', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
});

it('answers /readyz with 503 and the reason while it is not ready', async () => {
  expect(await get('/readyz')).toMatchObject({ status: 200 });
  why = 'the name server has not been read';
  expect(await get('/readyz')).toMatchObject({ status: 503, body: 'the name server has not been read\n' });
  why = 'broken';
  expect(await get('/readyz')).toMatchObject({ status: 500, body: 'cannot tell\n' });
  why = undefined;
});

it('prints metrics and information', async () => {
  const metrics = await get('/metrics?x=1');
  expect(metrics).toMatchObject({ status: 200, type: expect.stringContaining('text/plain') as string });
  expect(metrics.body).toContain('\nthings_total 3\n');
  const info = await get('/server_info');
  expect(info.type).toBe('application/json');
  expect(JSON.parse(info.body)).toEqual({ version: '1.2.3', tables: [{ base: '1152921504606846976' }] });
});

it('answers 404 for other paths', async () => {
  expect((await get('/')).status).toBe(404);
  expect((await get('/metrics/../x')).status).toBe(404);
  expect((await get('/healthz', { method: 'POST' })).status).toBe(405);
});

it('fails with the next step when its port is taken', async () => {
  await expect(
    AdminServer.listen({
      host: '127.0.0.1',
      port: admin.port,
      registry: () => new Metrics().registry,
      notReady: () => undefined,
      info: () => ({}),
    }),
  ).rejects.toMatchObject({
    code: 'Unavailable',
  });
});

it('prints the text that earlier tools parse', async () => {
  expect((await get('/server_info.txt')).body).toMatch(
    /^name: roost\nstart_time: .* GMT\ntables: \(base=1152921504606846976\)\nuptime: \d+\nversion: 1\.2\.3\n$/,
  );
  expect((await get('/stats.txt')).body).toBe(
    'counters:\n  things_total: 3\ngauges:\n  depth-queue_low: 7\nlabels:\nmetrics:\n  waits_seconds: (average=2, count=2, sum=4)\n',
  );
});

it('closes an older connection for a new client when all places are taken', async () => {
  const small = await AdminServer.listen({
    host: '127.0.0.1',
    port: 0,
    registry: () => new Metrics().registry,
    notReady: () => undefined,
    info: () => ({}),
    limits: { connections: 4, connectionsPerAddress: 4 },
  });
  const open = async (): Promise<Socket> => {
    const socket = connect({ host: '127.0.0.1', port: small.port });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  const ask = async (socket: Socket): Promise<string> => {
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    return ((await once(socket, 'data')) as [Buffer])[0].toString();
  };
  const kept = await open();
  expect(await ask(kept)).toMatch(/^HTTP\/1.1 200/);
  const hoarders: Socket[] = [];
  for (let i = 0; i < 12; i++) {
    const hoarder = await open();
    hoarder.write('GET /metrics HTTP/1.1\r\nx-slow: ');
    hoarders.push(hoarder);
  }
  expect(await ask(await open())).toMatch(/^HTTP\/1.1 200/);
  // Those that never asked for anything go first.
  expect(await ask(kept)).toMatch(/^HTTP\/1.1 200/);
  await small.close();
});

it('answers requests that come in the smallest pieces, and those of many headers', async () => {
  const socket = connect({ host: '127.0.0.1', port: admin.port });
  const answer = text(socket);
  const headers = Array.from({ length: 60 }, (_, i) => `x-${i}: ${'y'.repeat(80)}\r\n`).join('');
  const bytes = `GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${headers}\r\n`;
  for (const byte of bytes.slice(0, 40)) socket.write(byte);
  socket.write(bytes.slice(40));
  expect(await answer).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\nok\n$/);
});

it('bounds the requests of one connection, and the turns that they take', async () => {
  const flood = connect({ host: '127.0.0.1', port: admin.port });
  flood.on('error', () => undefined);
  let answers = '';
  flood.on('data', (part: Buffer) => (answers += part.toString()));
  await once(flood, 'connect');
  flood.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(1_900));
  await once(flood, 'close');
  expect(answers.match(/HTTP\/1.1/g)?.length ?? 0).toBeLessThan(2);
});

it('refuses foreign web pages on an open loopback port', async () => {
  const ask = (path: string, host: string): Promise<number> =>
    new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port: admin.port, path, headers: { host }, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      })
        .on('error', reject)
        .end();
    });
  for (const host of ['localhost', `localhost:${admin.port}`, '127.0.0.1:1', `[::1]:${admin.port}`])
    expect(await ask('/metrics', host)).toBe(200);
  for (const host of ['attacker.example', `attacker.example:${admin.port}`, '10.0.0.7', 'localhost.attacker.example'])
    expect([await ask('/metrics', host), await ask('/healthz', host)]).toEqual([403, 200]);
});
