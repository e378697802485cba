import { describe, expect, it } from 'vitest';
import { Deadline, limits, type ErrorCode } from '../../core/index.js';
import { append, failOn, notesJob, notesOf, type Note } from '../../test/support/notes.js';
import { notesCluster } from '../../test/support/notesCluster.js';

const cluster = notesCluster('full_queues', { errorDelaySeconds: 0.05, claimAfterSeconds: 3600 });
const note = (key: bigint | number, value: number): Note => ({ key: BigInt(key), value });
const idle = { queued: 0, failing: 0, bad: 0 };
const throwsCode = (code: ErrorCode, text: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(text) as string });
const byValue = (a: string, b: string): number => Number(a.slice(2)) - Number(b.slice(2));

describe('a full queue', () => {
  const overloaded = (queue: string, host?: string): unknown =>
    expect.objectContaining({
      code: 'Overloaded',
      retryable: true,
      retryAfterMs: 200,
      fields: { priority: 'high', queue, ...(host === undefined ? {} : { host }) },
    });

  it('refuses writes, accepts nothing of them, and takes them when there is room', async () => {
    const writer = await cluster.open({ work: false, jobs: { maxQueued: 5 } });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => append(writer, [note(1, i)])));
    const accepted = outcomes.flatMap(({ status }, i) => (status === 'fulfilled' ? [`1=${i}`] : []));
    expect(accepted).toHaveLength(5);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toEqual(overloaded('queued'));
    expect(await writer.jobs.sizes('high')).toEqual({ queued: 5, failing: 0, bad: 0 });
    await append(writer, [note(1, 99)], { priority: 'low' });
    await cluster.open({ jobs: { maxQueued: 5 } });
    await expect.poll(() => writer.jobs.sizes('high')).toEqual(idle);
    await expect.poll(() => notesOf(writer)).toMatchObject(cluster.both('first', [...accepted, '1=99'].sort(byValue)));
    await append(writer, [note(1, 100)], { wait: true });
  });

  it('of failing jobs refuses writes, and takes them when the host is back', async () => {
    let failing = true;
    const gizzard = await cluster.open({
      jobs: { maxFailing: 3 },
      hooks: { beforeApply: failOn(cluster.db2, 'Unavailable', () => failing) },
    });
    const accepted: string[] = [];
    const write = async (): Promise<unknown> => {
      try {
        await append(gizzard, [note(1, accepted.length)]);
        accepted.push(`1=${accepted.length}`);
        return undefined;
      } catch (error) {
        return error;
      }
    };
    await expect.poll(write).toEqual(overloaded('failing', cluster.db2));
    failing = false;
    await expect.poll(write).toBeUndefined();
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(gizzard)).toMatchObject(cluster.both('first', accepted.sort(byValue)));
  });

  it('is not filled by the failing jobs that are tried again', async () => {
    const gizzard = await cluster.open({
      jobs: { maxQueued: 100 },
      hooks: { beforeApply: failOn(cluster.db2, 'Unavailable') },
    });
    await Promise.all(Array.from({ length: 60 }, (_, i) => append(gizzard, [note(1, i)])));
    await expect.poll(async () => (await gizzard.jobs.sizes('high')).failing).toBeGreaterThan(55);
    const writer = await cluster.open({ work: false, jobs: { maxQueued: 100 } });
    let most = 0;
    for (let i = 0; i < 200; i++) most = Math.max(most, (await writer.jobs.sizes('high')).queued);
    expect(most).toBeLessThanOrEqual(50);
  });

  it('takes the largest call whole', async () => {
    const writer = await cluster.open({ work: false });
    const jobs = Array.from({ length: limits.operationsPerWrite }, (_, i) => notesJob([note(1, i)]));
    await expect(
      writer.jobs.append(jobs, { priority: 'high', waitUntilApplied: true, deadline: Deadline.after(3_000) }),
    ).rejects.toEqual(throwsCode('DeadlineExceeded', /applying a write/));
    expect((await writer.jobs.sizes('high')).queued).toBe(limits.operationsPerWrite);
  });

  it('of payloads on their way to Redis refuses more', async () => {
    const writer = await cluster.open({ work: false });
    const large = { kind: 'test.notes', payload: Buffer.alloc(limits.jobPayloadBytes) };
    const jobs = Array.from({ length: 8 }, () => large);
    const write = (): Promise<void> =>
      writer.jobs.append(jobs, {
        priority: 'high',
        waitUntilApplied: false,
        deadline: Deadline.after(20_000),
      });
    // Without the pause the first may be there before the last is sent.
    await cluster.redis.call('CLIENT', 'PAUSE', '700', 'WRITE');
    const outcomes = await Promise.allSettled([write(), write(), write()]);
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    expect(refused).toEqual([throwsCode('Overloaded', /does not keep up/)]);
    await write();
    expect((await writer.jobs.sizes('high')).queued).toBe(3 * jobs.length);
  });
});
