import { describe, expect, it } from 'vitest';
import { Deadline, RoostError, type ErrorCode } from '../../core/index.js';
import { Metrics } from '../../process/index.js';
import { append, failOn, notesJob, notesOf, secondShard, type Note } from '../../test/support/notes.js';
import { gate, notesCluster } from '../../test/support/notesCluster.js';
import { workerGroup } from './streamKeys.js';

const cluster = notesCluster('failing_jobs', { errorDelaySeconds: 0.05, claimAfterSeconds: 3600 });
const note = (key: bigint | number, value: number): Note => ({ key: BigInt(key), value });
const idle = { queued: 0, failing: 0, bad: 0 };

describe('a leaf that fails', () => {
  it('is the only leaf that is tried again', async () => {
    let failing = true;
    const applied: string[] = [];
    const gizzard = await cluster.open({
      hooks: {
        beforeApply(leaf) {
          failOn(`${cluster.db2}/first`, 'Conflict', () => failing)(leaf);
          applied.push(leaf);
        },
      },
    });
    await append(gizzard, [note(1, 1), note(secondShard, 1)]);
    await expect
      .poll(async () => (await gizzard.jobs.queues.list('high', 'failing', 9))[0])
      .toMatchObject({ onlyLeaves: [`${cluster.db2}/first`], lastError: `${cluster.db2}/first fails on purpose` });
    failing = false;
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(applied.sort()).toEqual([
      `${cluster.db1}/first`,
      `${cluster.db1}/second`,
      `${cluster.db2}/first`,
      `${cluster.db2}/second`,
    ]);
    expect(await notesOf(gizzard)).toEqual({
      ...cluster.both('first', ['1=1']),
      ...cluster.both('second', [`${secondShard}=1`]),
    });
  });

  it('fails no caller who waits for other jobs of the call', async () => {
    let failing = true;
    const gizzard = await cluster.open({
      hooks: { beforeApply: failOn('/second', 'Unavailable', () => failing) },
    });
    const waiting = { priority: 'high', waitUntilApplied: true, deadline: Deadline.after(20_000) } as const;
    const [write, other] = [notesJob([note(1, 1)]), notesJob([note(secondShard, 1)])];
    await gizzard.jobs.append([write, { ...other, alongside: true }], waiting);
    expect(await notesOf(gizzard)).toEqual({ ...cluster.both('first', ['1=1']), ...cluster.both('second', []) });
    await expect(gizzard.jobs.append([write, other], waiting)).rejects.toMatchObject({ code: 'Unavailable' });
    failing = false;
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(gizzard)).toMatchObject(cluster.both('second', [`${secondShard}=1`]));
  });

  it('tells callers who wait for it, once the server closes, that the write is in the journal', async () => {
    const gizzard = await cluster.open({ work: false });
    const waiting = { priority: 'high', waitUntilApplied: true, deadline: Deadline.after(20_000) } as const;
    const answer = expect(gizzard.jobs.append([notesJob([note(1, 1)])], waiting)).rejects.toMatchObject({
      code: 'Unavailable',
      retryable: false,
      fields: { journaled: 'true' },
    });
    await expect.poll(() => gizzard.jobs.sizes('high')).toMatchObject({ queued: 1 });
    await gizzard.close();
    await answer;
  });

  it('makes the job bad after the error limit, and keeps all of its data', async () => {
    let failing = true;
    const gizzard = await cluster.open({
      jobs: { errorLimit: 3 },
      hooks: { beforeApply: failOn(`${cluster.db2}/first`, 'Internal', () => failing) },
    });
    await append(gizzard, [note(1, 7)]);
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual({ queued: 0, failing: 0, bad: 1 });
    expect(await gizzard.jobs.queues.list('high', 'bad', 9)).toMatchObject([
      {
        attempts: 3,
        onlyLeaves: [`${cluster.db2}/first`],
        lastError: `${cluster.db2}/first fails on purpose`,
        kind: 'test.notes',
      },
    ]);
    failing = false;
    expect(await gizzard.jobs.queues.retry('high', 'bad')).toBe(1);
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(gizzard)).toMatchObject(cluster.both('first', ['1=7']));
  });

  it.each<[ErrorCode]>([['Unavailable'], ['Overloaded']])(
    'because it is %s does not bring the job nearer to the limit',
    async (code) => {
      let tries = 0;
      const gizzard = await cluster.open({
        jobs: { errorLimit: 2 },
        hooks: { beforeApply: failOn(`${cluster.db2}/first`, code, () => ++tries <= 6) },
      });
      await append(gizzard, [note(1, 7)]);
      await expect.poll(() => notesOf(gizzard), { timeout: 10_000 }).toMatchObject(cluster.both('first', ['1=7']));
      expect(tries).toBeGreaterThan(6);
      await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    },
  );

  it('for a reason that one job has does not fail the others', async () => {
    const held = gate();
    let calls = 0;
    const gizzard = await cluster.open({
      hosts: [cluster.db1],
      jobs: { errorLimit: 1 },
      hooks: {
        beforeApply(_leaf, notes) {
          if (++calls === 1) return held.opened;
          if (notes.some(({ value }) => value === 13)) throw new RoostError('Internal', 'I do not like 13');
          return undefined;
        },
      },
    });
    await append(gizzard, [note(1, 0)]);
    await expect.poll(() => calls).toBe(1);
    for (const value of [12, 13, 14]) await append(gizzard, [note(1, value)]);
    await expect.poll(async () => (await cluster.redis.xpending(cluster.keys.queued, workerGroup))[0]).toBe(4);
    held.open();
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual({ queued: 0, failing: 0, bad: 1 });
    expect((await notesOf(gizzard))[`${cluster.db1}/first`]).toEqual(['1=0', '1=12', '1=14']);
  });
});

describe('a leaf that takes no writes for now', () => {
  const first = { hostname: 'localhost', tablePrefix: 'first_root' };
  const leaf = (): { hostname: string; tablePrefix: string } => ({ hostname: cluster.db2, tablePrefix: 'first' });
  const guard = { hostname: 'localhost', tablePrefix: 'guard' };

  it.each(['blocked', 'readOnly'])('below a %s node gets its writes when the node is gone', async (type) => {
    const gizzard = await cluster.open({ jobs: { errorLimit: 2 } });
    await gizzard.apply([
      { kind: 'createShard', shard: { id: guard, type, attributes: {}, busy: 'normal' } },
      { kind: 'removeLink', parent: first, child: leaf() },
      { kind: 'addLink', link: { parent: guard, child: leaf(), weight: 1 } },
      { kind: 'addLink', link: { parent: first, child: guard, weight: 1 } },
    ]);
    await append(gizzard, [note(1, 1)], { wait: true });
    await expect
      .poll(async () => (await gizzard.jobs.queues.list('high', 'failing', 9))[0]?.lastError)
      .toMatch(/refuses writes for now/);
    expect(await notesOf(gizzard)).toMatchObject({ [`${cluster.db1}/first`]: ['1=1'], [`${cluster.db2}/first`]: [] });
    await gizzard.apply([
      { kind: 'removeLink', parent: guard, child: leaf() },
      { kind: 'removeLink', parent: first, child: guard },
      { kind: 'addLink', link: { parent: first, child: leaf(), weight: 1 } },
    ]);
    await expect.poll(() => notesOf(gizzard)).toMatchObject(cluster.both('first', ['1=1']));
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
  });

  it('and is replaced leaves its writes to the one that takes its place', async () => {
    const gizzard = await cluster.open();
    await gizzard.apply([{ kind: 'setHostWeight', weight: { hostname: cluster.db2, read: 1, write: 0 } }]);
    await append(gizzard, [note(1, 1)], { wait: true });
    await expect.poll(async () => (await gizzard.jobs.sizes('high')).failing).toBe(1);
    const other = { hostname: cluster.db1, tablePrefix: 'first_anew' };
    await gizzard.apply([
      { kind: 'createShard', shard: { id: other, type: 'notes', attributes: {}, busy: 'normal' } },
      { kind: 'removeLink', parent: first, child: leaf() },
      { kind: 'addLink', link: { parent: first, child: other, weight: 1 } },
    ]);
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(gizzard)).toMatchObject({
      [`${cluster.db1}/first`]: ['1=1'],
      [`${cluster.db1}/first_anew`]: ['1=1'],
    });
  });

  it('whose key moved to another shard leaves its writes to that one', async () => {
    const gizzard = await cluster.open();
    await gizzard.apply([
      { kind: 'setHostWeight', weight: { hostname: cluster.db1, read: 1, write: 0 } },
      { kind: 'setHostWeight', weight: { hostname: cluster.db2, read: 1, write: 0 } },
    ]);
    await append(gizzard, [note(100, 1)]);
    // Once for each host.
    await expect.poll(async () => (await gizzard.jobs.sizes('high')).failing).toBe(2);
    const other = { hostname: cluster.db1, tablePrefix: 'split_off' };
    await gizzard.apply([
      { kind: 'createShard', shard: { id: other, type: 'notes', attributes: {}, busy: 'normal' } },
      { kind: 'setForwarding', forwarding: { tableId: 1, baseId: 50n, shard: other } },
      { kind: 'removeHostWeight', hostname: cluster.db1 },
    ]);
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(gizzard)).toMatchObject({
      [`${cluster.db1}/first`]: [],
      [`${cluster.db1}/split_off`]: ['100=1'],
    });
  });

  it('is not made up for by a replica that is only being filled: a caller that waits could not read what it wrote', async () => {
    const gizzard = await cluster.open({
      hosts: [cluster.db1],
      hooks: { beforeApply: failOn(cluster.db1, 'Conflict') },
    });
    const filled = {
      id: { hostname: cluster.db2, tablePrefix: 'filled' },
      type: 'notes',
      attributes: {},
      busy: 'normal' as const,
    };
    const { root } = gizzard.topology.route(1, 1n);
    await gizzard.apply([
      { kind: 'createShard', shard: filled },
      { kind: 'createShard', shard: { ...filled, id: guard, type: 'writeOnly' } },
      { kind: 'addLink', link: { parent: guard, child: filled.id, weight: 1 } },
      { kind: 'addLink', link: { parent: root.id, child: guard, weight: 1 } },
    ]);
    await expect(append(gizzard, [note(1, 1)], { wait: true })).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(/not applied yet/) as string,
    });
    expect(await notesOf(gizzard)).toMatchObject({ [`${cluster.db1}/first`]: [], [`${cluster.db2}/filled`]: ['1=1'] });
  });

  it('and ignores them for good does not hold up the job', async () => {
    const gizzard = await cluster.open();
    await gizzard.apply([
      { kind: 'removeForwarding', tableId: 1, baseId: 0n },
      {
        kind: 'createShard',
        shard: { id: guard, type: 'blackHole', attributes: {}, busy: 'normal' },
      },
      { kind: 'setForwarding', forwarding: { tableId: 1, baseId: 0n, shard: guard } },
    ]);
    await append(gizzard, [note(1, 1)], { wait: true });
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
  });
});

describe('a job that nobody can apply', () => {
  it('because its payload is malformed is given up at once, beside others that are not', async () => {
    const gizzard = await cluster.open();
    await gizzard.jobs.append([{ kind: 'test.notes', payload: Buffer.from('no json') }, notesJob([note(1, 1)])], {
      priority: 'high',
      waitUntilApplied: false,
      deadline: Deadline.after(5_000),
    });
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual({ queued: 0, failing: 0, bad: 1 });
    expect(await gizzard.jobs.queues.list('high', 'bad', 9)).toMatchObject([
      { attempts: 1, lastError: 'these are no notes' },
    ]);
    await expect.poll(() => notesOf(gizzard)).toMatchObject(cluster.both('first', ['1=1']));
  });

  it('because the entry is no job is kept unchanged, with the reason', async () => {
    const metrics = new Metrics();
    const gizzard = await cluster.open({ metrics });
    await cluster.redis.xadd(cluster.keys.queued, '*', 'something', 'else');
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual({ queued: 0, failing: 0, bad: 1 });
    expect((await cluster.redis.xrange(cluster.keys.bad, '-', '+'))[0]![1]).toEqual([
      'something',
      'else',
      'error',
      expect.stringMatching(/no kind/),
    ]);
    expect(await metrics.registry.metrics()).toContain('roost_jobs_total{priority="high",outcome="bad"} 1');
  });

  it('because there is no forwarding for it is applied when there is one', async () => {
    const gizzard = await cluster.open();
    const { root } = gizzard.topology.route(1, 1n);
    await gizzard.apply([{ kind: 'removeForwarding', tableId: 1, baseId: 0n }]);
    await append(gizzard, [note(1, 1), note(secondShard, 1)]);
    await expect
      .poll(async () => (await gizzard.jobs.queues.list('high', 'failing', 9))[0]?.lastError)
      .toMatch(/no forwarding for key 1/);
    await gizzard.apply([{ kind: 'setForwarding', forwarding: { tableId: 1, baseId: 0n, shard: root.id } }]);
    await expect
      .poll(() => notesOf(gizzard))
      .toEqual({ ...cluster.both('first', ['1=1']), ...cluster.both('second', [`${secondShard}=1`]) });
  });
});
