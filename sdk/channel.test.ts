import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { RoostError } from '../core/index.js';
import { Gate } from '../test/inMemory/gate.js';
import { TestFlock } from '../test/inMemory/testFlock.js';
import { startTestServer, type TestServer } from '../test/inMemory/testServer.js';
import { connect, type ConnectOptions, type Graph, type Roost } from './index.js';

const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function start(...args: Parameters<typeof startTestServer>): Promise<TestServer> {
  const server = await startTestServer(...args);
  open.push({ close: () => server.close(0) });
  return server;
}

async function client(
  servers: readonly { readonly address: string }[],
  options: Partial<ConnectOptions> = {},
): Promise<{ roost: Roost; follows: Graph }> {
  const roost = await connect({ servers: servers.map(({ address }) => address), ...options });
  open.push(roost);
  return { roost, follows: await roost.graph('follows') };
}

/** A server that takes connections, and does with what it receives whatever the test says. */
async function fakeServer(
  onData: (socket: Socket, chunk: Buffer) => void,
): Promise<{ address: string; accepted: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    fake.accepted++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => onData(socket, chunk));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const fake = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    accepted: 0,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  open.push(fake);
  return fake;
}

/** The answer of a server that does not know the method of a framed call. */
function unknownMethod(call: Buffer): Buffer {
  const nameEnds = 12 + call.readInt32BE(8);
  const message = Buffer.concat([call.subarray(4, nameEnds + 4), Buffer.from([0])]);
  message.writeInt32BE(0x80010003 | 0);
  const length = Buffer.alloc(4);
  length.writeInt32BE(message.length);
  return Buffer.concat([length, message]);
}

const failing = (code: ConstructorParameters<typeof RoostError>[0], options = {}): (() => never) => {
  return () => {
    throw new RoostError(code, 'made to fail', options);
  };
};

describe('a retryable error', () => {
  it.each(['Unavailable', 'Overloaded', 'Conflict'] as const)('%s is retried on another server', async (code) => {
    const [bad, good] = [await start(), await start()];
    const { follows } = await client([bad, good]);
    bad.flock.before = failing(code, { retryAfterMs: 60_000 });
    for (let i = 0; i < 4; i++) await follows.add(1, i);
    expect(await follows.count(1)).toBe(4n);
    expect(bad.flock.calls.length).toBeGreaterThan(0);
  });

  it('is retried on the same server where there is no other, as often as it takes', async () => {
    const server = await start();
    const { follows } = await client([server]);
    server.flock.before = () => {
      if (server.flock.calls.length < 4) throw new RoostError('Overloaded', 'full', { retryAfterMs: 1 });
    };
    await follows.add(1, 2);
    expect(server.flock.calls).toEqual(['write', 'write', 'write', 'write']);
  });

  it('is thrown as it is where the deadline leaves no time for another attempt', async () => {
    const server = await start();
    const { follows } = await client([server]);
    server.flock.before = failing('Overloaded', { retryAfterMs: 1_000, fields: { queue: 'high' } });
    await expect(follows.add(1, 2, { deadlineMs: 500 })).rejects.toMatchObject({
      code: 'Overloaded',
      retryAfterMs: 1_000,
      fields: { queue: 'high' },
    });
    expect(server.flock.calls).toEqual(['write']);
  });

  it('ends with the deadline at the latest', async () => {
    const server = await start();
    const { follows } = await client([server]);
    server.flock.before = failing('Unavailable');
    await expect(follows.add(1, 2, { deadlineMs: 1_000 })).rejects.toMatchObject({
      code: 'Unavailable',
      message: 'made to fail',
    });
    expect(server.flock.calls.length).toBeGreaterThan(1);
  });
});

it.each(['InvalidArgument', 'NotFound', 'FailedPrecondition', 'Internal'] as const)(
  '%s is not retried',
  async (code) => {
    const [bad, other] = [await start(), await start()];
    const { follows } = await client([bad, other]);
    for (const { flock } of [bad, other]) flock.before = failing(code);
    await expect(follows.add(1, 2)).rejects.toMatchObject({ code, message: 'made to fail' });
    expect(bad.flock.calls.length + other.flock.calls.length).toBe(1);
  },
);

it('calls that the server refuses because too many are in flight succeed in the end', async () => {
  const server = await start({ limits: { connectionInFlight: 3 } });
  const { follows } = await client([server]);
  const pages = await Promise.all(Array.from({ length: 50 }, (_, i) => follows.from(i).page()));
  expect(pages).toHaveLength(50);
});

describe('a lost connection', () => {
  it('sends the calls in flight to another server', async () => {
    const [dying, other] = [await start(), await start()];
    const gate = new Gate();
    dying.flock.before = () => gate.pass();
    const { follows } = await client([dying, other]);
    const calls = Array.from({ length: 10 }, (_, i) => follows.node(i));
    await gate.hasHeld(1);
    await dying.close(0);
    expect(await Promise.all(calls)).toHaveLength(10);
    gate.open();
  });

  it('is replaced when the server is back, and the call continues', async () => {
    const flock = new TestFlock();
    const dying = await startTestServer({ flock });
    const gate = new Gate();
    flock.before = () => gate.pass();
    const { follows } = await client([dying]);
    const call = follows.add(1, 2);
    await gate.hasHeld(1);
    await dying.close(0);
    flock.before = () => undefined;
    await start({ flock, port: dying.port });
    await call;
    expect(await follows.contains(1, 2)).toBe(true);
    gate.open();
  });

  it('fails the call as Unavailable when no server is left', async () => {
    const server = await startTestServer();
    const { follows } = await client([server]);
    await server.close();
    await expect(follows.contains(1, 2, { deadlineMs: 200 })).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining('ECONNREFUSED') as string,
      fields: { server: server.address },
    });
  });

  it('is closed when malformed bytes arrive', async () => {
    const good = await start();
    const fake = await fakeServer((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const { follows } = await client([fake, good]);
    for (let i = 0; i < 5; i++) await follows.add(1, i);
    expect(await follows.count(1)).toBe(5n);
    expect(fake.accepted).toBeGreaterThan(0);
    await expect(connect({ servers: [fake.address], deadlineMs: 200 })).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining('cannot be read') as string,
    });
  });
});

it('does not send a call a third time whose connection ended under it twice', async () => {
  const servers = await Promise.all(
    [1, 2, 3].map(() =>
      fakeServer((socket, chunk) =>
        chunk.includes('server_info') ? socket.write(unknownMethod(chunk)) : socket.destroy(),
      ),
    ),
  );
  await expect(connect({ servers: servers.map(({ address }) => address), deadlineMs: 5_000 })).rejects.toMatchObject({
    code: 'Unavailable',
    fields: { sent: 'true' },
  });
  expect(servers.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(2);
});

describe('a deadline', () => {
  it('ends a call, and the connection goes on', async () => {
    const server = await start();
    const { follows } = await client([server]);
    const gate = new Gate();
    server.flock.before = (method) => (method === 'counts' ? gate.pass() : undefined);
    const late = follows.count(1, { deadlineMs: 200 });
    await gate.hasHeld(1);
    // Its answer shows that the server lives.
    expect(await follows.contains(1, 2)).toBe(false);
    await expect(late).rejects.toMatchObject({ code: 'DeadlineExceeded' });
    gate.open();
    expect(await follows.contains(1, 2)).toBe(false);
    expect(await server.metrics.registry.metrics()).toMatch(/^roost_rpc_connections{service="flock"} 1$/m);
    expect(server.flock.calls).toEqual(['counts', 'states', 'states']);
  });

  it('draws near: calls leave a server that does not answer at all', async () => {
    const good = await start();
    const stuck = await fakeServer(() => undefined);
    const { follows } = await client([stuck, good], { deadlineMs: 1_200 });
    expect(await Promise.all(Array.from({ length: 20 }, (_, i) => follows.from(i).page()))).toHaveLength(20);
    expect(stuck.accepted).toBe(1);
  });

  it('draws near: calls stay with a server that is slow', async () => {
    const server = await start();
    const { follows } = await client([server]);
    const gate = new Gate();
    server.flock.before = () => gate.pass();
    const slow = follows.count(1, { deadlineMs: 60_000 });
    const impatient = follows.count(1, { direction: 'backward', deadlineMs: 600 });
    await expect(impatient).rejects.toMatchObject({ code: 'DeadlineExceeded' });
    gate.open();
    expect(await slow).toBe(0n);
    expect(server.flock.calls).toEqual(['counts', 'counts']);
    expect(await server.metrics.registry.metrics()).toMatch(/^roost_rpc_connections{service="flock"} 1$/m);
  });

  it('is the client’s own where the call brings none', async () => {
    const server = await start();
    const { follows } = await client([server], { deadlineMs: 300 });
    await follows.contains(1, 2);
    expect(server.flock.lastOptions?.deadlineMs).toBeLessThanOrEqual(300);
  });
});

describe('connect', () => {
  it('needs one server that answers', async () => {
    const gone = await startTestServer();
    await gone.close();
    await expect(connect({ servers: [gone.address], deadlineMs: 100 })).rejects.toMatchObject({ code: 'Unavailable' });
    const server = await start();
    const { follows } = await client([gone, server]);
    for (let i = 0; i < 5; i++) await follows.add(1, i);
  });

  it.each([[{ servers: [] }], ['nonsense'], [{ servers: ['a:1'], deadlineMs: 0 }]])('refuses %j', async (options) => {
    await expect(connect(options)).rejects.toMatchObject({ code: 'InvalidArgument' });
  });
});

it('spreads its calls over the servers', async () => {
  const flock = new TestFlock();
  const servers = [await start({ flock }), await start({ flock })];
  const { follows } = await client(servers);
  // What the client asks for itself is answered.
  await follows.add(1, 2);
  for (let i = 0; i < 10; i++) await follows.contains(1, i);
  for (const server of servers)
    expect(await server.metrics.registry.metrics()).toMatch(
      /^roost_rpc_calls_total\{method="edge_states",code="OK"\} 5$/m,
    );
});

it('close fails the calls in flight, and all later ones', async () => {
  const server = await start();
  const { roost, follows } = await client([server]);
  const gate = new Gate();
  server.flock.before = () => gate.pass();
  const pending = follows.contains(1, 2);
  await gate.hasHeld(1);
  server.flock.before = failing('Unavailable');
  const retrying = follows.count(1);
  const closed = expect(Promise.all([roost.close(), roost.close()])).resolves.toBeDefined();
  const outcome = { code: 'FailedPrecondition', message: 'the client has been closed' };
  await expect(pending).rejects.toMatchObject(outcome);
  await expect(retrying).rejects.toMatchObject(outcome);
  await closed;
  await expect(follows.contains(1, 2)).rejects.toMatchObject(outcome);
  gate.open();
});

it('makes no more retries than a share of its calls when servers are busy', async () => {
  const server = await start();
  const { roost } = await client([server]);
  server.flock.before = failing('Overloaded', { retryAfterMs: 1 });
  server.flock.calls.length = 0;
  const calls = 1_000;
  const outcomes = await Promise.allSettled(Array.from({ length: calls }, () => roost.journal()));
  for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'Overloaded' } });
  // Those saved up, a fifth of the calls, and ten a second.
  expect(server.flock.calls.length - calls).toBeLessThan(256 + calls / 5 + 200);
}, 30_000);
