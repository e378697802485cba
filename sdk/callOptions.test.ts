import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RoostError } from '../core/index.js';
import { Gate } from '../test/inMemory/gate.js';
import { startTestServer, type TestServer } from '../test/inMemory/testServer.js';
import { connect, type Graph, type Roost } from './index.js';

let server: TestServer;
let roost: Roost;
let follows: Graph;
/** Holds every call at the server. */
let gate: Gate;

beforeEach(async () => {
  server = await startTestServer();
  roost = await connect(server.address);
  follows = await roost.graph('follows');
  gate = new Gate();
  server.flock.before = () => gate.pass();
});

afterEach(async () => {
  gate.open();
  await roost.close();
  await server.close();
});

/** A deadline that no test waits for. */
const longMs = 20_000;

describe('a signal', () => {
  const aborted = { code: 'FailedPrecondition', fields: { aborted: 'true' }, retryable: false };

  it('ends the wait of its own call', async () => {
    const controller = new AbortController();
    const page = follows.from(1).among([2]).page({ signal: controller.signal });
    await gate.hasHeld(1);
    controller.abort(new Error('the user went away'));
    await expect(page).rejects.toMatchObject({ ...aborted, cause: { message: 'the user went away' } });
  });

  it('ends one read of a gathered call, and leaves the others in it', async () => {
    const controller = new AbortController();
    const [left, stays] = [follows.state(1, 2, { signal: controller.signal }), follows.state(1, 3)];
    await gate.hasHeld(1);
    controller.abort();
    await expect(left).rejects.toMatchObject(aborted);
    gate.open();
    expect(await stays).toBeUndefined();
    expect(server.flock.calls).toEqual(['states']);
  });

  it('ends the wait between two attempts', async () => {
    server.flock.before = () => {
      throw new RoostError('Overloaded', 'full', { retryAfterMs: longMs / 2 });
    };
    const controller = new AbortController();
    const write = follows.add(1, 2, { signal: controller.signal, deadlineMs: longMs });
    await expect.poll(() => server.flock.calls.length).toBe(1);
    controller.abort();
    await expect(write).rejects.toMatchObject(aborted);
  });

  it('that was aborted before prevents the call', async () => {
    const signal = AbortSignal.abort();
    await expect(follows.add(1, 2, { signal })).rejects.toMatchObject(aborted);
    await expect(follows.counts(1, { signal })).rejects.toMatchObject(aborted);
    await expect(roost.users.get(1, { signal })).rejects.toMatchObject(aborted);
    await expect(roost.tweets.get(1, { signal })).rejects.toMatchObject(aborted);
    expect(server.flock.calls).toEqual([]);
  });

  it('of a timeout ends the call with DeadlineExceeded', async () => {
    await expect(follows.count(1, { signal: AbortSignal.timeout(1) })).rejects.toMatchObject({
      code: 'DeadlineExceeded',
    });
  });
});

describe('the deadline of a gathered call', () => {
  it('of one read fails no other read', async () => {
    // Listened to at once: the deadline may pass before the call arrives.
    const short = expect(follows.counts(1, { deadlineMs: 20 })).rejects.toMatchObject({ code: 'DeadlineExceeded' });
    const [long, byDefault] = [follows.counts(2, { deadlineMs: longMs }), follows.counts(3)];
    await gate.hasHeld(1);
    await short;
    gate.open();
    expect([await long, await byDefault]).toMatchObject([{ normal: 0n }, { normal: 0n }]);
    expect(server.flock.calls).toEqual(['counts']);
    expect(server.flock.lastOptions?.deadlineMs).toBeGreaterThan(longMs / 2);
  });

  it('that is out of bounds fails its own call alone', async () => {
    gate.open();
    const [bad, good] = [follows.counts(1, { deadlineMs: 0 }), follows.counts(2)];
    await expect(bad).rejects.toMatchObject({ code: 'InvalidArgument' });
    expect(await good).toMatchObject({ normal: 0n });
  });
});

describe('close with drainMs', () => {
  it('waits for calls in flight, and for those just made', async () => {
    const held = follows.count(1);
    await gate.hasHeld(1);
    const gathered = follows.state(1, 2);
    const closed = roost.close({ drainMs: longMs });
    await gate.hasHeld(2);
    gate.open();
    expect([await held, await gathered]).toEqual([0n, undefined]);
    await closed;
    await expect(follows.count(1)).rejects.toMatchObject({ code: 'FailedPrecondition' });
  });

  it('waits for all calls of a bulk write', async () => {
    gate.open();
    const written = follows.write(
      Array.from({ length: 30 }, (_, i) => ({ source: i, destination: i, ...(i % 2 === 0 ? { position: i } : {}) })),
    );
    await roost.close({ drainMs: longMs });
    expect(await written).toBe(30);
  });

  it('fails the calls that have not ended by then', async () => {
    const held = expect(follows.count(1)).rejects.toMatchObject({
      code: 'FailedPrecondition',
      message: 'the client has been closed',
    });
    await gate.hasHeld(1);
    await roost.close({ drainMs: 1 });
    await held;
    await expect(roost.close({ drainMs: -1 })).rejects.toMatchObject({ code: 'InvalidArgument' });
  });
});

it('answers turn into JSON with ids as decimal strings', async () => {
  gate.open();
  await follows.add(1, 2n ** 62n, { position: 7 });
  await follows.add(1, 3, { position: 6 });
  const json = async (answer: Promise<unknown>): Promise<unknown> => JSON.parse(JSON.stringify(await answer));
  const edge = {
    sourceId: '1',
    destinationId: '4611686018427387904',
    position: '7',
    updatedAt: expect.stringMatching(/^\d+$/) as string,
    state: 'normal',
  };
  expect(await json(follows.get(1, 2n ** 62n))).toEqual(edge);
  expect(await json(follows.from(1).page({ count: 1 }))).toEqual({
    ids: ['4611686018427387904'],
    nextCursor: expect.stringMatching(/^\d+$/) as string,
    prevCursor: '0',
    partial: false,
    next: expect.any(String) as string,
  });
  expect(await json(follows.from(1).edgePage({ count: 1 }))).toMatchObject({ edges: [edge], prevCursor: '0' });
  expect(await json(follows.to(3).newest(5))).toMatchObject([{ sourceId: '1', destinationId: '3' }]);
  expect(await json(follows.counts(1))).toEqual({ normal: '2', negative: '0', archived: '0', removed: '0' });
  expect(await json(follows.node(1))).toMatchObject({ counts: { normal: '2' } });
  expect(await json(follows.from(1).explain())).toMatchObject({ page: { ids: ['4611686018427387904', '3'] } });
});

it('refuses the earlier name of an option of writes', async () => {
  const old = { acknowledgement: 'materialized' } as object;
  const refusal = { code: 'InvalidArgument', message: '`acknowledgement` is called `acknowledgment`' };
  await expect(follows.add(1, 2, old)).rejects.toMatchObject(refusal);
  await expect(follows.addAll(1, old)).rejects.toMatchObject(refusal);
  await expect(follows.write([[1, 2]], old)).rejects.toMatchObject(refusal);
});
