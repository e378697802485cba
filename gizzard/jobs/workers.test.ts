import { describe, expect, it } from 'vitest';
import { Deadline, type ErrorCode } from '../../core/index.js';
import { append, notesOf, type Note, type NotesHooks } from '../../test/support/notes.js';
import { gate, notesCluster } from '../../test/support/notesCluster.js';
import { workerGroup } from './streamKeys.js';

const cluster = notesCluster('workers', { errorDelaySeconds: 0.05, claimAfterSeconds: 3600 });
const note = (key: bigint | number, value: number): Note => ({ key: BigInt(key), value });
const idle = { queued: 0, failing: 0, bad: 0 };
const throwsCode = (code: ErrorCode, text: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(text) as string });

describe('a worker that died', () => {
  /** Takes jobs as a worker does that then dies: nothing more is heard of it. */
  const takeAndDie = async (count: number, consumer = 'dead'): Promise<string[]> => {
    const reply = (await cluster.redis.xreadgroup(
      'GROUP',
      workerGroup,
      consumer,
      'COUNT',
      count,
      'STREAMS',
      cluster.keys.queued,
      '>',
    )) as [string, [string, string[]][]][];
    return reply[0]![1].map(([id]) => id);
  };

  it('has its jobs taken over', async () => {
    const writer = await cluster.open({ work: false });
    await writer.jobs.journal.prepare();
    for (let i = 0; i < 10; i++) await append(writer, [note(1, i)]);
    expect(await takeAndDie(4)).toHaveLength(4);
    await cluster.open({ jobs: { claimAfterSeconds: 0.3 } });
    await expect.poll(() => writer.jobs.sizes('high')).toEqual(idle);
    expect((await notesOf(writer))[`${cluster.db2}/first`]).toHaveLength(10);
    // And then it is forgotten.
    await expect
      .poll(
        async () =>
          ((await cluster.redis.xinfo('CONSUMERS', cluster.keys.queued, workerGroup)) as string[][]).map(
            (fields) => fields[1],
          ),
        { timeout: 15_000 },
      )
      .not.toContain('dead');
  });

  it('has its jobs taken over at once by a worker that knows that it is gone', async () => {
    const writer = await cluster.open({ work: false });
    await writer.jobs.journal.prepare();
    for (let i = 0; i < 10; i++) await append(writer, [note(1, i)]);
    expect(await takeAndDie(10, 'known to be dead')).toHaveLength(10);
    const heir = await cluster.open();
    expect((await writer.jobs.sizes('high')).queued).toBe(10);
    heir.jobs.takeFrom('known to be dead');
    await expect.poll(() => writer.jobs.sizes('high')).toEqual(idle);
    expect((await notesOf(writer))[`${cluster.db2}/first`]).toHaveLength(10);
  });

  it('is told apart from a worker that is slow', async () => {
    const held = gate();
    const applied: string[] = [];
    const hooks: NotesHooks = {
      beforeApply(leaf) {
        applied.push(leaf);
        return held.opened;
      },
    };
    const jobs = { claimAfterSeconds: 1.5 };
    const writer = await cluster.open({ hooks, jobs });
    await cluster.open({ hooks, jobs });
    await append(writer, [note(1, 1)]);
    await expect.poll(() => applied).toHaveLength(2);
    // Far longer than silence is allowed to last; then a job would have been delivered twice.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    const [pending] = (await cluster.redis.xpending(cluster.keys.queued, workerGroup, '-', '+', 1)) as [
      string,
      string,
      number,
      number,
    ][];
    expect(pending![3]).toBe(1);
    expect(applied).toHaveLength(2);
    held.open();
    await expect.poll(() => writer.jobs.sizes('high')).toEqual(idle);
  });

  it('of a job that was delivered too often takes it along: the job is bad', async () => {
    const writer = await cluster.open({ work: false });
    await writer.jobs.journal.prepare();
    await append(writer, [note(1, 1)]);
    const [id] = await takeAndDie(1);
    await cluster.redis.xclaim(cluster.keys.queued, workerGroup, 'dead', 0, id!, 'RETRYCOUNT', 10);
    await append(writer, [note(1, 2)]);
    const worker = await cluster.open({ jobs: { claimAfterSeconds: 0.2 } });
    await expect.poll(() => writer.jobs.sizes('high')).toEqual({ queued: 0, failing: 0, bad: 1 });
    expect(await worker.jobs.queues.list('high', 'bad', 9)).toMatchObject([
      { kind: 'test.notes', lastError: expect.stringMatching(/delivered 10 times and never finished/) as string },
    ]);
    expect(await notesOf(writer)).toMatchObject(cluster.both('first', ['1=2']));
  });

  it('loses nothing when Redis has lost the consumer group', async () => {
    const gizzard = await cluster.open();
    await append(gizzard, [note(1, 1)], { wait: true });
    await cluster.redis.xgroup('DESTROY', cluster.keys.queued, workerGroup);
    await append(gizzard, [note(1, 2)], { wait: true });
    expect(await notesOf(gizzard)).toMatchObject(cluster.both('first', ['1=1', '1=2']));
  });
});

describe('closing', () => {
  it('finishes the jobs in progress', async () => {
    const held = gate();
    let started = 0;
    const gizzard = await cluster.open({
      hooks: {
        beforeApply() {
          started++;
          return held.opened;
        },
      },
    });
    await append(gizzard, [note(1, 1)]);
    await expect.poll(() => started).toBe(2);
    const closed = gizzard.jobs.close(20_000);
    held.open();
    await closed;
    const other = await cluster.open({ work: false });
    expect(await other.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(other)).toMatchObject(cluster.both('first', ['1=1']));
  });

  it('hands back unfinished jobs, which others take at once', async () => {
    const held = gate();
    let started = 0;
    const slow = await cluster.open({
      hooks: {
        beforeApply() {
          started++;
          return held.opened;
        },
      },
    });
    for (let i = 0; i < 5; i++) await append(slow, [note(1, i)]);
    await expect.poll(() => started).toBe(2);
    await expect.poll(async () => (await cluster.redis.xpending(cluster.keys.queued, workerGroup))[0]).toBe(5);
    // Jobs of the one that closes would only be taken over after an hour.
    const other = await cluster.open();
    await slow.jobs.close(0);
    await expect.poll(() => other.jobs.sizes('high')).toEqual(idle);
    expect((await notesOf(other))[`${cluster.db1}/first`]).toHaveLength(5);
    held.open();
  });

  it('succeeds for a worker that never started, and when repeated', async () => {
    const gizzard = await cluster.open({ work: false });
    await gizzard.jobs.close(1_000);
    await gizzard.jobs.close(1_000);
    await expect(append(gizzard, [note(1, 1)])).rejects.toEqual(throwsCode('Unavailable', /journal/));
  });
});

it('runs at most eight jobs of a priority at once that write no leaf', async () => {
  const { opened, open } = gate();
  let [running, most, done] = [0, 0, 0];
  const gizzard = await cluster.open({
    jobTypes: [
      {
        kind: 'test.waits',
        async run() {
          most = Math.max(most, ++running);
          await opened;
          running--;
          done++;
          return [];
        },
      },
    ],
  });
  const jobs = Array.from({ length: 20 }, () => ({ kind: 'test.waits', payload: Buffer.alloc(1) }));
  await gizzard.jobs.append(jobs, { priority: 'high', waitUntilApplied: false, deadline: Deadline.after(10_000) });
  await expect.poll(() => running).toBe(8);
  open();
  await expect.poll(() => done).toBe(20);
  expect(most).toBe(8);
});
