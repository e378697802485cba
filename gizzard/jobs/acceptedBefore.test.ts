import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Deadline, type WriteIdentity } from '../../core/index.js';
import { failOn, notesJob, notesOf } from '../../test/support/notes.js';
import { gate, notesCluster } from '../../test/support/notesCluster.js';
import type { Gizzard } from '../gizzard.js';
import { workerGroup } from './streamKeys.js';

const cluster = notesCluster('accepted_before', { errorDelaySeconds: 60, claimAfterSeconds: 3600 });

const identityOf = async ({ jobs }: Gizzard, ms = 10_000): Promise<WriteIdentity> => ({
  id: randomBytes(16),
  notAfter: (await jobs.journal.nowMicros()) + BigInt(ms) * 1_000n,
});
const write = (
  gizzard: Gizzard,
  identity: WriteIdentity,
  {
    wait = false,
    values = [1],
    ms = 10_000,
  }: { readonly wait?: boolean; readonly values?: readonly number[]; readonly ms?: number } = {},
): Promise<void> =>
  gizzard.jobs.append(
    values.map((value) => notesJob([{ key: 1n, value }])),
    { priority: 'high', waitUntilApplied: wait, deadline: Deadline.after(ms), identity },
  );
const idle = { queued: 0, failing: 0, bad: 0 };

describe('a write that comes again', () => {
  it('is journaled once, through whichever server, and also when the queue is full meanwhile', async () => {
    const [first, second] = [
      await cluster.open({ work: false, jobs: { maxQueued: 2 } }),
      await cluster.open({ work: false, jobs: { maxQueued: 2 } }),
    ];
    const identity = await identityOf(first);
    await Promise.all([
      write(first, identity, { values: [1, 2] }),
      write(second, identity, { values: [1, 2] }),
      write(second, identity, { values: [1, 2] }),
    ]);
    await write(first, identity, { values: [1, 2] });
    expect(await first.jobs.sizes('high')).toMatchObject({ queued: 2 });
    await expect(write(first, await identityOf(first))).rejects.toMatchObject({ code: 'Overloaded' });
  });

  it('counts as new when it has another identity', async () => {
    const gizzard = await cluster.open({ work: false });
    for (let i = 0; i < 3; i++) await write(gizzard, await identityOf(gizzard));
    expect(await gizzard.jobs.sizes('high')).toMatchObject({ queued: 3 });
  });

  it('waits for the jobs of the first time until they are applied', async () => {
    const { opened, open } = gate();
    const [worker, other] = [
      await cluster.open({ hooks: { beforeApply: () => opened } }),
      await cluster.open({ work: false }),
    ];
    const identity = await identityOf(worker);
    let answered = 0;
    const writes = [worker, other, other].map((server) =>
      write(server, identity, { wait: true, values: [1, 2, 3] }).then(() => answered++),
    );
    await expect.poll(() => worker.jobs.sizes('high')).toMatchObject({ queued: 3 });
    expect(answered).toBe(0);
    open();
    await Promise.all(writes);
    expect(await notesOf(other)).toMatchObject(cluster.both('first', ['1=1', '1=2', '1=3']));
    await write(other, identity, { wait: true });
    await expect.poll(() => worker.jobs.sizes('high')).toEqual(idle);
  });

  it('gets the same answer as the first time while no replica has applied it', async () => {
    const gizzard = await cluster.open({ hooks: { beforeApply: failOn('/first', 'Unavailable') } });
    const identity = await identityOf(gizzard);
    const journaled = { code: 'Unavailable', retryable: false, fields: { journaled: 'true' } };
    for (let i = 0; i < 3; i++) await expect(write(gizzard, identity, { wait: true })).rejects.toMatchObject(journaled);
    // Once for each host.
    expect(await gizzard.jobs.sizes('high')).toEqual({ ...idle, failing: 2 });
  });

  it('gets the same answer when a server that stops has handed the job back', async () => {
    const { opened, open } = gate();
    const [worker, other] = [
      await cluster.open({ hooks: { beforeApply: () => opened } }),
      await cluster.open({ work: false }),
    ];
    const identity = await identityOf(worker);
    const waiting = write(other, identity, { wait: true, ms: 1_500 });
    waiting.catch(() => undefined);
    await expect
      .poll(async () => ((await cluster.redis.xpending(cluster.keys.queued, workerGroup)) as [number])[0])
      .toBe(1);
    const closing = worker.jobs.close(0);
    await expect(write(other, identity, { wait: true, ms: 1_500 })).rejects.toMatchObject({
      fields: { journaled: 'true' },
    });
    open();
    await closing;
    await waiting.catch(() => undefined);
    expect(await other.jobs.sizes('high')).toEqual({ ...idle, queued: 1 });
  });
});

describe('the last moment of a write', () => {
  it("bounds when it is accepted, whatever the server's deadline", async () => {
    const gizzard = await cluster.open({ work: false });
    const identity = await identityOf(gizzard, -1);
    await expect(write(gizzard, identity)).rejects.toMatchObject({
      code: 'DeadlineExceeded',
      fields: { journalTime: expect.stringMatching(/^\d{16}$/) as string },
    });
    expect(await gizzard.jobs.sizes('high')).toEqual(idle);
  });

  it('is refused where it is further ahead than any deadline: that of a client whose journal had another clock', async () => {
    const gizzard = await cluster.open({ work: false });
    await expect(write(gizzard, await identityOf(gizzard, 700_000))).rejects.toMatchObject({
      code: 'DeadlineExceeded',
      fields: { journalTime: expect.stringMatching(/^\d+$/) as string },
    });
    await expect(write(gizzard, { id: randomBytes(15), notAfter: 1n })).rejects.toMatchObject({
      code: 'InvalidArgument',
    });
    await expect(write(gizzard, { id: randomBytes(16), notAfter: -1n })).rejects.toMatchObject({
      code: 'InvalidArgument',
    });
    expect(await gizzard.jobs.sizes('high')).toEqual(idle);
  });

  it('is how long its identity is remembered', async () => {
    const gizzard = await cluster.open({ work: false });
    await write(gizzard, await identityOf(gizzard, 5_000));
    const [key] = (await cluster.redis.keys('*:jobs:write:*')).filter((name) =>
      name.startsWith(cluster.keys.queued.replace(/:high$/, '')),
    );
    const leftMs = await cluster.redis.pttl(key!);
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(6_001);
  });
});
