import fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RoostError } from '../core/index.js';
import { flockProcessor } from '../flock/index.js';
import { Metrics, silentLog } from '../process/index.js';
import { Gate } from '../test/inMemory/gate.js';
import { containsCall, RawClient } from '../test/inMemory/rawClient.js';
import { client, exceptionText, metric, start } from '../test/inMemory/rawServer.js';
import { TestFlock } from '../test/inMemory/testFlock.js';
import { startTestServer } from '../test/inMemory/testServer.js';
import { BinaryReader } from '../wire/index.js';
import { ThriftServer } from './thriftServer.js';

/** Whether an answer to `contains` is true; undefined where it is an exception. */
function containsResult(message: Buffer): boolean | undefined {
  const input = new BinaryReader(message);
  input.readMessageBegin();
  return input.readFieldBegin().fid === 0 ? input.readBool() : undefined;
}

describe.each([
  ['framed', true],
  ['unframed', false],
])('a %s client', (_name, framed) => {
  it('is served on the same port as the other transports', async () => {
    const server = await start();
    const raw = await client(server);
    raw.send(containsCall(framed, 0));
    const answer = await raw.answer();
    expect(answer).toMatchObject({ method: 'contains', type: 2, seqid: 0 });
    expect(containsResult(answer!.message)).toBe(false);
  });

  it('gets its answers in whatever pieces its calls come', async () => {
    const server = await start();
    const raw = await client(server);
    for (const byte of Buffer.concat([containsCall(framed, 1), containsCall(framed, 2)])) {
      raw.send(Buffer.of(byte));
      await sleep(0);
    }
    expect((await raw.answer())?.seqid).toBe(1);
    expect((await raw.answer())?.seqid).toBe(2);
  });

  it('gets an exception for a method that does not exist', async () => {
    const server = await start();
    const raw = await client(server);
    const call = containsCall(framed, 3);
    call.write('contents', call.indexOf('contains'));
    raw.send(call);
    expect(await raw.answer()).toMatchObject({ method: 'contents', type: 3, seqid: 3 });
    raw.send(containsCall(framed, 4));
    expect((await raw.answer())?.seqid).toBe(4);
  });

  it('that half-closes after its calls gets all answers', async () => {
    const server = await start();
    const raw = await client(server);
    raw.socket.end(Buffer.concat([containsCall(framed, 1), containsCall(framed, 2)]));
    expect([(await raw.answer())?.seqid, (await raw.answer())?.seqid].sort()).toEqual([1, 2]);
    await raw.closedByServer();
  });
});

it('answers unframed calls in the order in which they came, one at a time', async () => {
  const server = await start();
  const gate = new Gate();
  server.flock.before = () => (server.flock.calls.length === 1 ? gate.pass() : undefined);
  const raw = await client(server);
  raw.send(Buffer.concat([containsCall(false, 0), containsCall(false, 0), containsCall(false, 7)]));
  await gate.hasHeld(1);
  expect(server.flock.calls).toEqual(['states']);
  gate.open();
  expect([(await raw.answer())?.seqid, (await raw.answer())?.seqid, (await raw.answer())?.seqid]).toEqual([0, 0, 7]);
});

it('answers framed calls as they are done', async () => {
  const server = await start();
  const gate = new Gate();
  server.flock.before = () => (server.flock.calls.length === 1 ? gate.pass() : undefined);
  const raw = await client(server);
  raw.send(Buffer.concat([containsCall(true, 1), containsCall(true, 2)]));
  expect((await raw.answer())?.seqid).toBe(2);
  gate.open();
  expect((await raw.answer())?.seqid).toBe(1);
});

describe('what is no message', () => {
  it.each([
    ['a frame that is too large', Buffer.from([0x7f, 0xff, 0xff, 0xff])],
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a frame of garbage', Buffer.from([0, 0, 0, 4, 1, 2, 3, 4])],
    [
      'a string of a gigabyte in a small frame',
      Buffer.from([0, 0, 0, 21, 0x80, 1, 0, 1, 0, 0, 0, 3, 103, 101, 116, 0, 0, 0, 1, 11, 0, 1, 0x40, 0, 0]),
    ],
    [
      'bytes behind the end of a call',
      Buffer.concat([Buffer.from([0, 0, 0, containsCall(false, 1).length + 1]), containsCall(false, 1), Buffer.of(0)]),
    ],
    ['an unframed message of garbage', Buffer.from([0x80, 1, 0, 1, 0xff, 0xff, 0xff, 0xff])],
  ])('closes its connection only: %s', async (_name, bytes) => {
    const server = await start();
    const good = await client(server);
    const bad = await client(server);
    bad.send(bytes);
    await bad.closedByServer();
    good.send(containsCall(true, 1));
    expect((await good.answer())?.seqid).toBe(1);
    expect(await metric(server, /^roost_rpc_connections_refused_total\{reason="malformed"\} 1$/m)).toBeDefined();
  });

  it('never harms the server or its other clients (random bytes)', async () => {
    const server = await start();
    const good = await client(server);
    const call = containsCall(true, 1);
    const flipped = fc.tuple(fc.nat(call.length - 1), fc.nat(255)).map(([at, value]) => call.with(at, value));
    const garbage = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.uint8Array({ maxLength: 100 }).map((bytes) => Uint8Array.from([0x80, 1, 0, 1, ...bytes])),
      fc
        .uint8Array({ maxLength: 100 })
        .map((bytes) => Uint8Array.from([0, 0, 0, bytes.length + 8, 0x80, 1, 0, 1, 0, 0, 0, 1, ...bytes])),
      flipped,
    );
    let seqid = 0;
    await fc.assert(
      fc.asyncProperty(garbage, async (bytes) => {
        const bad = await RawClient.connect(server.port);
        bad.socket.end(bytes);
        await bad.closedByServer();
        seqid++;
        good.send(containsCall(true, seqid));
        expect((await good.answer())?.seqid).toBe(seqid);
      }),
      { numRuns: 150 },
    );
    expect(await metric(server, /^roost_rpc_connections{service="flock"} 1$/m)).toBeDefined();
    expect(await metric(server, /^roost_rpc_in_flight{service="flock"} 0$/m)).toBeDefined();
  });
});

describe('close', () => {
  it('answers the calls in flight, and accepts no more', async () => {
    const server = await start();
    const gate = new Gate();
    server.flock.before = () => gate.pass();
    const raw = await client(server);
    raw.send(containsCall(true, 1));
    await gate.hasHeld(1);
    const closed = server.close();
    raw.send(containsCall(true, 2));
    await expect(RawClient.connect(server.port)).rejects.toThrow('ECONNREFUSED');
    gate.open();
    expect((await raw.answer())?.seqid).toBe(1);
    expect(await raw.answer()).toBeUndefined();
    await closed;
    expect(server.flock.calls).toHaveLength(1);
  });

  it('waits no longer than its bound', async () => {
    const server = await start();
    const gate = new Gate();
    server.flock.before = () => gate.pass();
    const raw = await client(server);
    raw.send(containsCall(true, 1));
    await gate.hasHeld(1);
    await server.close(10);
    expect(await raw.answer()).toBeUndefined();
    gate.open();
  });
});

it('fails with the next step when its port is taken', async () => {
  const server = await start();
  await expect(startTestServer({ port: server.port })).rejects.toThrow(
    expect.objectContaining({
      code: 'Unavailable',
      fields: { host: '127.0.0.1', port: String(server.port) },
      message: expect.stringContaining('the port is taken') as string,
    }) as Error,
  );
});

it('answers any value that the service throws with an error', async () => {
  const server = await start();
  const raw = await client(server);
  const thrown: unknown[] = [
    new RoostError('Unavailable', 'no replica answers'),
    new TypeError('a bug'),
    'text',
    undefined,
  ];
  server.flock.before = () => {
    throw thrown.shift();
  };
  const texts: string[] = [];
  for (let i = 0; i < 4; i++) {
    raw.send(containsCall(true, i));
    texts.push(exceptionText((await raw.answer())!.message));
  }
  expect(texts).toEqual(['no replica answers', 'a bug', 'text', 'undefined']);
});

describe('an answer that cannot be written', () => {
  it('is an error of bounded text where the call brought megabytes of it', async () => {
    const server = await start();
    const raw = await client(server);
    server.flock.before = () => {
      throw new RoostError('NotFound', 'é'.repeat(9_000_000), { fields: { name: 'x'.repeat(9_000_000) } });
    };
    raw.send(containsCall(true, 1));
    const answer = await raw.answer();
    expect(answer).toMatchObject({ seqid: 1, type: 2 });
    expect(answer!.message.length).toBeLessThan(4_000);
  });

  it('has a fixed text when even its exception fails, and the process continues', async () => {
    const server = await start();
    const raw = await client(server);
    // What is thrown has a text that is none.
    server.flock.before = () => {
      const broken = new RoostError('NotFound', 'x');
      Object.defineProperty(broken, 'message', { value: Symbol('none') });
      throw broken;
    };
    raw.send(containsCall(true, 1));
    expect(await raw.answer()).toMatchObject({ seqid: 1, type: 3 });
    server.flock.before = () => undefined;
    raw.send(containsCall(true, 2));
    expect((await raw.answer())?.seqid).toBe(2);
  });
});

it('answers a call whose service fails before it begins or as it begins, and goes on with the connection', async () => {
  const metrics = new Metrics();
  const service = flockProcessor(new TestFlock(), { metrics, log: silentLog });
  let failing: 'head' | 'process' | undefined;
  const processor: typeof service = {
    open(caller) {
      const session = service.open(caller);
      const failIn = (step: typeof failing): void => {
        if (failing === step) throw new TypeError('a mistake of ours');
      };
      return {
        ...session,
        head: (message) => (failIn('head'), session.head(message)),
        process: (message, output) => (failIn('process'), session.process(message, output)),
      };
    },
  };
  const server = await ThriftServer.listen({
    service: 'flock',
    host: '127.0.0.1',
    port: 0,
    processor,
    metrics,
    log: silentLog,
  });
  try {
    for (const framed of [true, false]) {
      const raw = await RawClient.connect(server.port);
      for (failing of ['head', 'process'] as const) {
        raw.send(containsCall(framed, 3));
        expect(await raw.answer(), failing).toMatchObject({ method: 'contains', type: 3, seqid: 3 });
      }
      failing = undefined;
      raw.send(containsCall(framed, 4));
      expect(await raw.answer()).toMatchObject({ type: 2, seqid: 4 });
      await raw.close();
    }
  } finally {
    await server.close();
  }
});
