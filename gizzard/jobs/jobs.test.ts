import { describe, expect, it } from 'vitest';
import type { ErrorCode, Priority } from '../../core/index.js';
import { Metrics } from '../../process/index.js';
import {
  append,
  failOn,
  notesJob,
  notesOf,
  secondShard,
  type Note,
  type NotesHooks,
} from '../../test/support/notes.js';
import { gate, notesCluster } from '../../test/support/notesCluster.js';
import { workerGroup } from './streamKeys.js';

const cluster = notesCluster('jobs', { errorDelaySeconds: 0.05, claimAfterSeconds: 3600 });
const note = (key: bigint | number, value: number): Note => ({ key: BigInt(key), value });
const idle = { queued: 0, failing: 0, bad: 0 };
const throwsCode = (code: ErrorCode, text: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(text) as string });

describe('a job', () => {
  it('is applied to every leaf that its items belong to', async () => {
    const gizzard = await cluster.open();
    await append(gizzard, [note(1, 10), note(secondShard, 20), note(2, 11)], { wait: true });
    expect(await notesOf(gizzard)).toEqual({
      ...cluster.both('first', ['1=10', '2=11']),
      ...cluster.both('second', [`${secondShard}=20`]),
    });
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
  });

  it('waits in the journal until a worker starts', async () => {
    const writer = await cluster.open({ work: false });
    await append(writer, [note(1, 1)]);
    await append(writer, [note(1, 2)]);
    expect(await writer.jobs.sizes('high')).toEqual({ queued: 2, failing: 0, bad: 0 });
    await cluster.open();
    await expect.poll(() => writer.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(writer)).toMatchObject(cluster.both('first', ['1=1', '1=2']));
  });

  it('of one priority does not wait for another', async () => {
    const held = gate();
    const gizzard = await cluster.open({
      hooks: { beforeApply: (_leaf, [first]) => (first!.value === 1 ? held.opened : undefined) },
    });
    await append(gizzard, [note(1, 1)], { priority: 'low' });
    await append(gizzard, [note(secondShard, 2)], { wait: true, priority: 'high' });
    expect(await gizzard.jobs.sizes('low')).toEqual({ queued: 1, failing: 0, bad: 0 });
    held.open();
    await expect.poll(() => gizzard.jobs.sizes('low')).toEqual(idle);
  });

  it('is applied in one transaction with others that wait for the same leaf', async () => {
    const held = gate();
    const batches: Record<string, number[]> = {};
    const gizzard = await cluster.open({
      hooks: {
        beforeApply: (leaf, notes) => {
          (batches[leaf] ??= []).push(notes.length);
          return batches[leaf].length === 1 ? held.opened : undefined;
        },
      },
    });
    await append(gizzard, [note(1, 0)]);
    await expect.poll(() => Object.keys(batches)).toHaveLength(2);
    await Promise.all(Array.from({ length: 50 }, (_, i) => append(gizzard, [note(1, i + 1)])));
    // Taken from the stream, so that they wait for the leaf and nothing else.
    await expect.poll(async () => (await cluster.redis.xpending(cluster.keys.queued, workerGroup))[0]).toBe(51);
    held.open();
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(batches).toEqual(cluster.both('first', [1, 50]));
  });

  it('creates other jobs of its own priority, also when applied together with jobs of a lower priority', async () => {
    const held = gate();
    let calls = 0;
    const gizzard = await cluster.open({
      hosts: [cluster.db1],
      hooks: {
        beforeApply: () => (++calls === 1 ? held.opened : undefined),
        followUps: (_leaf, notes) => (notes.some(({ value }) => value === 3) ? [notesJob([note(1, 4)])] : []),
      },
    });
    const inWork = async (priority: Priority): Promise<unknown> =>
      (await cluster.redis.xpending(cluster.keys.queued.replace('high', priority), workerGroup))[0];
    await append(gizzard, [note(1, 1)]);
    await expect.poll(() => calls).toBe(1);
    await append(gizzard, [note(1, 2)], { priority: 'low' });
    await expect.poll(() => inWork('low')).toBe(1);
    await append(gizzard, [note(1, 3)]);
    await expect.poll(() => inWork('high')).toBe(2);
    await gizzard.apply([{ kind: 'pauseJobs', priority: 'low' }]);
    held.open();
    await expect.poll(() => notesOf(gizzard)).toMatchObject({ [`${cluster.db1}/first`]: ['1=1', '1=2', '1=3', '1=4'] });
  });

  it('creates other jobs, which are journaled before it counts as applied', async () => {
    const held = gate();
    const gizzard = await cluster.open({
      hooks: {
        beforeApply: (_leaf, notes) => (notes[0]!.value === 2 ? held.opened : undefined),
        followUps: (leaf, notes) =>
          leaf === `${cluster.db1}/first` && notes[0]!.value === 1
            ? [{ ...notesJob([note(1, 2)]), leaves: [leaf] }]
            : [],
      },
    });
    await append(gizzard, [note(1, 1)], { wait: true });
    expect((await gizzard.jobs.sizes('high')).queued).toBeGreaterThan(0);
    held.open();
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(gizzard)).toMatchObject({
      [`${cluster.db1}/first`]: ['1=1', '1=2'],
      [`${cluster.db2}/first`]: ['1=1'],
    });
  });

  it('of more items than fit a transaction is applied whole', async () => {
    const gizzard = await cluster.open();
    await append(
      gizzard,
      Array.from({ length: 2_500 }, (_, i) => note(1, i)),
      { wait: true },
    );
    expect((await notesOf(gizzard))[`${cluster.db1}/first`]).toHaveLength(2_500);
  });
});

describe('a caller that waits', () => {
  it('returns once the write can be read, whichever process applies it', async () => {
    const writer = await cluster.open({ work: false });
    await cluster.open();
    for (let value = 0; value < 20; value++) {
      await append(writer, [note(1, value)], { wait: true });
      expect((await notesOf(writer))[`${cluster.db1}/first`]).toHaveLength(value + 1);
    }
  });

  it('does not wait for a replica that is away', async () => {
    const writer = await cluster.open({ work: false });
    await cluster.open({ hooks: { beforeApply: failOn(`${cluster.db2}/first`, 'Unavailable') } });
    await append(writer, [note(1, 1)], { wait: true });
    expect(await notesOf(writer)).toMatchObject({ [`${cluster.db1}/first`]: ['1=1'], [`${cluster.db2}/first`]: [] });
  });

  it('is told that no replica has the write yet', async () => {
    const writer = await cluster.open({ work: false });
    await cluster.open({ hooks: { beforeApply: failOn('/second', 'Unavailable') } });
    const write = append(writer, [note(1, 1), note(secondShard, 1)], { wait: true });
    await expect(write).rejects.toEqual(throwsCode('Unavailable', /in the journal, and not applied yet: .*on purpose/));
  });

  it('waits no longer than its deadline, and the write is applied all the same', async () => {
    const writer = await cluster.open({ work: false });
    await writer.jobs.guard.look();
    await expect(append(writer, [note(1, 1)], { wait: true, deadlineMs: 50 })).rejects.toEqual(
      throwsCode('DeadlineExceeded', /in the journal/),
    );
    await cluster.open();
    await expect.poll(() => notesOf(writer)).toMatchObject(cluster.both('first', ['1=1']));
  });
});

describe('several workers', () => {
  it('share one queue, and apply each job once', async () => {
    const counted = [0, 0];
    const counting = (worker: number): NotesHooks => ({
      beforeApply: (leaf, notes) => void (leaf.startsWith(cluster.db1) && (counted[worker]! += notes.length)),
    });
    const writer = await cluster.open({ work: false });
    await cluster.open({ hooks: counting(0) });
    await cluster.open({ hooks: counting(1) });
    const count = 2_000;
    for (let from = 0; from < count; from += 100)
      await Promise.all(
        Array.from({ length: 100 }, (_, i) => append(writer, [note((from + i) % 2 === 0 ? 1 : secondShard, from + i)])),
      );
    await expect.poll(() => writer.jobs.sizes('high')).toEqual(idle);
    const notes = await notesOf(writer);
    expect(Object.values(notes).map((leaf) => leaf.length)).toEqual([1_000, 1_000, 1_000, 1_000]);
    expect(counted[0]! + counted[1]!).toBe(count);
    for (const share of counted) expect(share).toBeGreaterThan(0);
  });
});

describe('metrics', () => {
  it('show queues, outcomes and delays', async () => {
    const metrics = new Metrics();
    let tries = 0;
    const gizzard = await cluster.open({
      metrics,
      hooks: { beforeApply: failOn(`${cluster.db2}/first`, 'Conflict', () => ++tries === 1) },
    });
    await append(gizzard, [note(1, 1)]);
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    await append(await cluster.open({ work: false }), [note(1, 1)], { priority: 'low' });
    await expect.poll(() => gizzard.jobs.sizes('low')).toEqual(idle);
    const text = await metrics.registry.metrics();
    expect(text).toContain('roost_jobs_total{priority="high",outcome="failed"} 1');
    expect(text).toContain('roost_jobs_total{priority="high",outcome="applied"} 1');
    expect(text).toContain('roost_job_delay_seconds_count{priority="high"} 1');
    expect(text).toContain('roost_jobs{priority="medium",queue="failing"} 0');
    expect(text).toMatch(/^roost_journal_up 1$/m);
  });
});
