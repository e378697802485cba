import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { BinaryReader, type BinaryWriter } from '../../wire/index.js';
import { connect, type Roost } from '../../sdk/index.js';
import { containsCall, RawClient } from '../inMemory/rawClient.js';
import { startServeProcess, type ServeProcess } from '../serveProcess.js';
import { freshCluster } from '../support/index.js';
import { frame, methodsOf, shapes, type Port } from './frames.js';

// Tests what any caller may send to a server's ports, and how little effect it has.

const shared = JSON.parse(readFileSync(inject('playgroundConfigPath'), 'utf8')) as {
  readonly redis: { readonly host: string; readonly port: number };
};
const { configPath } = freshCluster('hostile', { timeline: { hosts: { tl1: shared.redis } } });
let server: ServeProcess;
let roost: Roost;
const ports: readonly Port[] = ['flock', 'manager', 'injector', 'tbird', 'users', 'timeline'];

beforeAll(async () => {
  server = await startServeProcess(configPath);
  roost = await connect({
    servers: [`127.0.0.1:${server.ready.flock.port}`],
    tweetServers: [`127.0.0.1:${server.ready.tbird.port}`],
  });
});
afterAll(async () => {
  await roost?.close();
  await server?.stop();
});

/** The peak memory of the server's process. */
const peakBytes = (): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.ready.pid}/status`, 'utf8'))![1]) * 1024;

async function send(
  port: Port,
  bytes: Buffer,
): Promise<'closed' | { readonly type: number; readonly bytes: number; readonly text: string }> {
  const client = await RawClient.connect(server.ready[port].port);
  try {
    client.send(bytes);
    const answer = await client.answer();
    return answer === undefined
      ? 'closed'
      : { type: answer.type, bytes: answer.message.length, text: answer.message.toString('latin1') };
  } finally {
    await client.close();
  }
}

const alive = async (): Promise<void> => {
  const client = await RawClient.connect(server.ready.flock.port);
  client.send(containsCall(true, 7));
  expect(new BinaryReader((await client.answer())!.message).readMessageBegin().rseqid).toBe(7);
  await client.close();
};

it.each(shapes.map((shape) => [shape.name, shape] as const))(
  'refuses %s before anything is made of it',
  async (_name, { args, outcome, skipped }) => {
    const before = peakBytes();
    const bytes = args(1_100_000);
    for (const port of ports) {
      for (const method of skipped === true ? methodsOf(port).slice(0, 1) : methodsOf(port)) {
        const answer = await send(port, frame(method, bytes));
        if (outcome === 'closed') expect(answer, method).toBe('closed');
        else if (outcome !== 'either') expect(answer, method).not.toBe('closed');
        if (answer === 'closed') continue;
        expect(answer.bytes, method).toBeLessThan(8_192);
        if (outcome !== 'answered') expect(answer.text, method).toContain('the call is too large');
      }
    }
    await alive();
    expect(peakBytes() - before).toBeLessThan(150 * 1024 * 1024);
  },
  60_000,
);

it('survives the messages that ended it, and the client does not repeat them', async () => {
  const text = 'x'.repeat(3_000_000);
  const named = (output: BinaryWriter, id: number): void => {
    output.writeFieldBegin('', 11, id);
    output.writeString(text);
  };
  expect(
    await send(
      'tbird',
      frame('get_fragments', (output) => named(output, 2)),
    ),
  ).toMatchObject({ type: 2 });
  expect(
    await send(
      'manager',
      frame('shards_for_hostname', (output) => named(output, 1)),
    ),
  ).toMatchObject({ type: 2 });
  const job = (contents: string): Buffer =>
    frame('inject_jobs', (output) => {
      output.writeFieldBegin('', 15, 1);
      output.writeListBegin(12, 1);
      output.writeFieldBegin('', 8, 1);
      output.writeI32(3);
      output.writeFieldBegin('', 11, 2);
      output.writeBinary(Buffer.from(contents));
      output.writeFieldStop();
    });
  expect(await send('injector', job(JSON.stringify({ [text]: {} })))).toMatchObject({
    type: 2,
    text: expect.stringContaining('at most 1048576 are allowed') as string,
  });
  // A payload may fill a whole message.
  expect(await send('injector', job(JSON.stringify({ none: { payload: text } })))).toMatchObject({
    type: 2,
    text: expect.stringContaining('there is no kind') as string,
  });
  await expect(roost.tweets.fragments('x'.repeat(9_000_000) as never, [1n])).rejects.toMatchObject({
    code: 'InvalidArgument',
  });
  await expect(roost.tweets.fragments('x'.repeat(5_000_000) as never, [1n])).rejects.toMatchObject({
    code: 'InvalidArgument',
  });
  await alive();
});

it('dumps each table once, and no more of them than it may', async () => {
  const dump = (ids: readonly number[]): Buffer =>
    frame('dump_nameserver', (output) => {
      output.writeFieldBegin('', 15, 1);
      output.writeListBegin(8, ids.length);
      for (const id of ids) output.writeI32(id);
    });
  expect(await send('manager', dump(Array.from({ length: 10_000 }, (_, i) => i)))).toMatchObject({
    text: expect.stringContaining('a dump holds 1000 tables at most') as string,
  });
  const once = await send('manager', dump(new Array<number>(10_000).fill(1)));
  expect(once).toMatchObject({ type: 2 });
  expect((once as { bytes: number }).bytes).toBeLessThan(1_000);
  await alive();
});

it('tells how long its event loop was held up', async () => {
  const metrics = await (
    await fetch(`http://127.0.0.1:${server.ready.admin.port}/metrics`, { headers: { connection: 'close' } })
  ).text();
  expect(metrics).toMatch(/^roost_event_loop_delay_seconds\{quantile="1"\} [\d.e-]+$/m);
  expect(metrics).toMatch(/^roost_unhandled_rejections_total 0$/m);
});
