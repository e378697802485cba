import { afterEach, describe, expect, it } from 'vitest';
import { RoostError, systemMicros, type WriteIdentity } from '../core/index.js';
import type { WriteOptions } from '../flock/index.js';
import { startTestServer, type TestServer } from '../test/inMemory/testServer.js';
import { connect, type Graph } from './index.js';

const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function start(...args: Parameters<typeof startTestServer>): Promise<TestServer> {
  const server = await startTestServer(...args);
  open.push({ close: () => server.close(0) });
  return server;
}

async function client(servers: readonly TestServer[]): Promise<{ follows: Graph }> {
  const roost = await connect({ servers: servers.map(({ address }) => address) });
  open.push(roost);
  return { follows: await roost.graph('follows') };
}

/** A deadline that no test waits for, and a pause past it, at which a call ends at once: however slow the machine is, attempts end when the test says. */
const deadlineMs = 30_000;
const pastDeadlineMs = 60_000;

const failing = (code: ConstructorParameters<typeof RoostError>[0], options = {}): (() => never) => {
  return () => {
    throw new RoostError(code, 'made to fail', options);
  };
};

describe('a write whose attempt may have been accepted', () => {
  /** The first attempt is taken and never answered, since its connection ends; then every server refuses. */
  async function refusedAfterLoss(
    code: ConstructorParameters<typeof RoostError>[0],
  ): Promise<{ follows: Graph; calls: () => number }> {
    const [dying, other] = [await start(), await start()];
    const { follows } = await client([dying, other]);
    for (const { flock } of [dying, other]) {
      flock.before = async (method) => {
        if (method !== 'write') return;
        if (dying.flock.calls.length + other.flock.calls.length > 1)
          throw new RoostError(code, 'made to fail', { retryAfterMs: pastDeadlineMs });
        await (flock === dying.flock ? dying : other).close(0);
        await new Promise(() => undefined);
      };
    }
    return { follows, calls: () => dying.flock.calls.length + other.flock.calls.length };
  }

  it.each(['Overloaded', 'Conflict', 'FailedPrecondition'] as const)(
    'ends as unknown when a repetition is refused with %s',
    async (code) => {
      const { follows, calls } = await refusedAfterLoss(code);
      const error = await follows.add(1, 2, { deadlineMs }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'Unavailable',
        message: expect.stringMatching(
          /may have been made.*closed the connection.*(made to fail|cannot connect)/,
        ) as string,
        fields: { outcome: 'unknown' },
      });
      expect(calls()).toBeGreaterThan(1);
    },
  );

  it('ends with the verdict where a server finds fault with what is written', async () => {
    const { follows } = await refusedAfterLoss('InvalidArgument');
    await expect(follows.add(1, 2)).rejects.toMatchObject({ code: 'InvalidArgument', message: 'made to fail' });
  });

  it('is not told from one that was refused alone', async () => {
    const server = await start();
    const { follows } = await client([server]);
    server.flock.before = (method) => {
      if (method !== 'write') return;
      throw new RoostError('Overloaded', 'made to fail', {
        retryAfterMs: server.flock.calls.length < 3 ? 1 : pastDeadlineMs,
      });
    };
    const error = await follows.add(1, 2, { deadlineMs }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'Overloaded' });
    expect((error as RoostError).fields).not.toHaveProperty('outcome');
    expect(server.flock.calls).toHaveLength(3);
  });
});

describe('the identity of a write', () => {
  const identityOf = ({ flock }: TestServer): WriteIdentity | undefined =>
    (flock.lastOptions as WriteOptions | undefined)?.identity;

  it('is the same in every attempt at a call, and another one in the next call', async () => {
    const [one, two] = [await start(), await start()];
    const { follows } = await client([one, two]);
    const seen: (WriteIdentity | undefined)[] = [];
    for (const server of [one, two]) {
      server.flock.before = () => {
        seen.push(identityOf(server));
        if (seen.length % 3 !== 0) throw new RoostError('Unavailable', 'made to fail');
      };
    }
    const before = systemMicros();
    await follows.add(1, 2, { deadlineMs });
    await follows.add(1, 3, { deadlineMs });
    expect(new Set(seen.map((identity) => identity?.id.toString('hex'))).size).toBe(2);
    expect(seen.slice(0, 3)).toEqual([seen[0], seen[0], seen[0]]);
    expect(seen[0]!.id).toHaveLength(16);
    expect(seen[0]!.notAfter).toBeGreaterThan(before);
    expect(seen[0]!.notAfter).toBeLessThanOrEqual(systemMicros() + BigInt(deadlineMs) * 1_000n);
  });

  it('gets another last moment where the clock of the journal was set, and none was accepted', async () => {
    const server = await start();
    const { follows } = await client([server]);
    await follows.add(1, 2);
    const hour = 3_600_000_000n;
    server.flock.before = (method) => {
      if (method === 'write' && (identityOf(server)?.notAfter ?? 0n) < systemMicros() + hour)
        throw new RoostError('DeadlineExceeded', 'late', { fields: { journalTime: systemMicros() + hour } });
    };
    await follows.add(1, 3);
    expect(await follows.contains(1, 3)).toBe(true);
  });

  it("is left out for an earlier server, which does not tell the journal's time", async () => {
    const server = await start({ without: 'journal_time' });
    const { follows } = await client([server]);
    await follows.add(1, 2);
    expect(server.flock.calls).toEqual(['write']);
    expect(identityOf(server)).toBeUndefined();
  });
});

it.each([true, false])('a write that is in the journal is not sent again (retryable: %s)', async (retryable) => {
  const [one, two] = [await start(), await start()];
  const { follows } = await client([one, two]);
  for (const { flock } of [one, two])
    flock.before = failing('Unavailable', { retryable, retryAfterMs: 1, fields: { journaled: true } });
  await expect(follows.add(1, 2, { acknowledgment: 'materialized' })).rejects.toMatchObject({
    code: 'Unavailable',
    retryable: false,
    fields: { journaled: 'true' },
  });
  expect(one.flock.calls.length + two.flock.calls.length).toBe(1);
});
