import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Deadline, Metrics, RoostError, silentLog, type ErrorCode, type RoostConfig, type RoostConfigInput } from '../../core/index.js';
import { freshCluster } from '../../test/support/index.js';
import { append, notesJob, notesOf, notesTopology, openNotes, secondShard, type Note, type NotesHooks } from '../../test/support/notes.js';
import type { Gizzard } from '../gizzard.js';
import { streamKeys, workerGroup } from './streamKeys.js';

const fast: RoostConfigInput['jobs'] = { errorDelaySeconds: 0.05, claimAfterSeconds: 3600 };
const { config } = freshCluster('jobs', { jobs: fast });
const [db1, db2] = Object.keys(config.databaseHosts) as [string, string];
const raw = new Redis(config.redis.port, config.redis.host);
const throwsCode = (code: ErrorCode, text: RegExp): unknown => expect.objectContaining({ code, message: expect.stringMatching(text) as string });

let clusters = 0;
let own: RoostConfig;
const opened: Gizzard[] = [];

/** Each test has a cluster of its own. */
beforeEach(() => {
  own = { ...config, cluster: `${config.cluster}_${++clusters}` };
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((gizzard) => gizzard.close()));
});
afterAll(() => raw.quit());

/** One more process of the test's cluster. The first makes the topology. */
async function open(options: { work?: boolean; hooks?: NotesHooks; jobs?: Partial<RoostConfig['jobs']>; metrics?: Metrics; hosts?: readonly string[] } = {}): Promise<Gizzard> {
  const gizzard = openNotes({ ...own, jobs: { ...own.jobs, ...options.jobs } }, options.hooks, silentLog, options.metrics);
  opened.push(gizzard);
  await gizzard.nameServer.create();
  if (gizzard.topology.tables.length === 0) await gizzard.apply(notesTopology(options.hosts ?? [db1, db2]));
  await gizzard.start({ work: options.work ?? true });
  return gizzard;
}
const keysOf = (priority: 'high' | 'low' = 'high') => streamKeys(own.cluster)[priority];
const idle = { queued: 0, failing: 0, bad: 0 };
const both = (name: string, notes: readonly string[]): Record<string, readonly string[]> => ({ [`${db1}/${name}`]: notes, [`${db2}/${name}`]: notes });
const note = (key: bigint | number, value: number): Note => ({ key: BigInt(key), value });
/** Resolved by whoever calls `open`. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('a job', () => {
  it('is applied to every leaf that its items belong to', async () => {
    const gizzard = await open();
    await append(gizzard, [note(1, 10), note(secondShard, 20), note(2, 11)], { wait: true });
    expect(await notesOf(gizzard)).toEqual({ ...both('first', ['1=10', '2=11']), ...both('second', [`${secondShard}=20`]) });
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
  });

  it('waits in the journal until somebody works', async () => {
    const writer = await open({ work: false });
    await append(writer, [note(1, 1)]);
    await append(writer, [note(1, 2)]);
    expect(await writer.jobs.sizes('high')).toEqual({ queued: 2, failing: 0, bad: 0 });
    await open();
    await expect.poll(() => writer.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(writer)).toMatchObject(both('first', ['1=1', '1=2']));
  });

  it('of one priority does not wait for another', async () => {
    const held = gate();
    const gizzard = await open({ hooks: { beforeApply: (_leaf, [first]) => (first!.value === 1 ? held.opened : undefined) } });
    await append(gizzard, [note(1, 1)], { priority: 'low' });
    await append(gizzard, [note(secondShard, 2)], { wait: true, priority: 'high' });
    expect(await gizzard.jobs.sizes('low')).toEqual({ queued: 1, failing: 0, bad: 0 });
    held.open();
    await expect.poll(() => gizzard.jobs.sizes('low')).toEqual(idle);
  });

  it('goes together with all that wait for the same leaf', async () => {
    const held = gate();
    const batches: Record<string, number[]> = {};
    const gizzard = await open({
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
    await expect.poll(async () => (await raw.xpending(keysOf().queued, workerGroup))[0]).toBe(51);
    held.open();
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(batches).toEqual(both('first', [1, 50] as never));
  });

  it('brings about others, which are journalled before it counts as applied', async () => {
    const held = gate();
    const gizzard = await open({
      hooks: {
        beforeApply: (_leaf, notes) => (notes[0]!.value === 2 ? held.opened : undefined),
        followUps: (leaf, notes) => (leaf === `${db1}/first` && notes[0]!.value === 1 ? [{ ...notesJob([note(1, 2)]), leaves: [leaf] }] : []),
      },
    });
    await append(gizzard, [note(1, 1)], { wait: true });
    expect((await gizzard.jobs.sizes('high')).queued).toBeGreaterThan(0);
    held.open();
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(gizzard)).toMatchObject({ [`${db1}/first`]: ['1=1', '1=2'], [`${db2}/first`]: ['1=1'] });
  });

  it('of more items than fit a transaction is applied whole', async () => {
    const gizzard = await open();
    await append(gizzard, Array.from({ length: 2_500 }, (_, i) => note(1, i)), { wait: true });
    expect((await notesOf(gizzard))[`${db1}/first`]).toHaveLength(2_500);
  });
});

describe('a caller that waits', () => {
  it('returns once the write can be read, whichever process applies it', async () => {
    const writer = await open({ work: false });
    await open();
    for (let value = 0; value < 20; value++) {
      await append(writer, [note(1, value)], { wait: true });
      expect((await notesOf(writer))[`${db1}/first`]).toHaveLength(value + 1);
    }
  });

  it('does not wait for a replica that is away', async () => {
    const writer = await open({ work: false });
    await open({ hooks: { beforeApply: failOn(`${db2}/first`, 'Unavailable') } });
    await append(writer, [note(1, 1)], { wait: true });
    expect(await notesOf(writer)).toMatchObject({ [`${db1}/first`]: ['1=1'], [`${db2}/first`]: [] });
  });

  it('hears that no replica has the write yet', async () => {
    const writer = await open({ work: false });
    await open({ hooks: { beforeApply: failOn('/second', 'Unavailable') } });
    const write = append(writer, [note(1, 1), note(secondShard, 1)], { wait: true });
    await expect(write).rejects.toEqual(throwsCode('Unavailable', /in the journal, and not applied yet: .*on purpose/));
  });

  it('waits no longer than its deadline, and the write is applied all the same', async () => {
    const writer = await open({ work: false });
    await expect(append(writer, [note(1, 1)], { wait: true, deadlineMs: 50 })).rejects.toEqual(throwsCode('DeadlineExceeded', /in the journal/));
    await open();
    await expect.poll(() => notesOf(writer)).toMatchObject(both('first', ['1=1']));
  });
});

/** Fails the leaves whose name holds a text, as long as `while_` says so. */
function failOn(leafPart: string, code: ErrorCode, while_: () => boolean = () => true): (leaf: string) => void {
  return (leaf) => {
    if (leaf.includes(leafPart) && while_()) throw new RoostError(code, `${leaf} fails on purpose`);
  };
}

describe('a leaf that fails', () => {
  it('is tried again, and no other is', async () => {
    let failing = true;
    const applied: string[] = [];
    const gizzard = await open({
      hooks: {
        beforeApply(leaf) {
          failOn(`${db2}/first`, 'Conflict', () => failing)(leaf);
          applied.push(leaf);
        },
      },
    });
    await append(gizzard, [note(1, 1), note(secondShard, 1)]);
    await expect.poll(async () => (await gizzard.jobs.queues.list('high', 'failing', 9))[0]).toMatchObject({ onlyLeaves: [`${db2}/first`], lastError: `${db2}/first fails on purpose` });
    failing = false;
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(applied.sort()).toEqual([`${db1}/first`, `${db1}/second`, `${db2}/first`, `${db2}/second`]);
    expect(await notesOf(gizzard)).toEqual({ ...both('first', ['1=1']), ...both('second', [`${secondShard}=1`]) });
  });

  it('makes the job bad after the error limit, of which nothing is lost', async () => {
    let failing = true;
    const gizzard = await open({ jobs: { errorLimit: 3 }, hooks: { beforeApply: failOn(`${db2}/first`, 'Internal', () => failing) } });
    await append(gizzard, [note(1, 7)]);
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual({ queued: 0, failing: 0, bad: 1 });
    expect(await gizzard.jobs.queues.list('high', 'bad', 9)).toMatchObject([{ attempts: 3, onlyLeaves: [`${db2}/first`], lastError: `${db2}/first fails on purpose`, kind: 'test.notes' }]);
    failing = false;
    expect(await gizzard.jobs.queues.retry('high', 'bad')).toBe(1);
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(gizzard)).toMatchObject(both('first', ['1=7']));
  });

  it.each<[ErrorCode]>([['Unavailable'], ['Overloaded']])('because it is %s does not bring the job nearer to the limit', async (code) => {
    let tries = 0;
    const gizzard = await open({ jobs: { errorLimit: 2 }, hooks: { beforeApply: failOn(`${db2}/first`, code, () => ++tries <= 6) } });
    await append(gizzard, [note(1, 7)]);
    await expect.poll(() => notesOf(gizzard), { timeout: 10_000 }).toMatchObject(both('first', ['1=7']));
    expect(tries).toBeGreaterThan(6);
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
  });

  it('for a reason that one job has does not fail the others', async () => {
    const held = gate();
    let calls = 0;
    const gizzard = await open({
      hosts: [db1],
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
    await expect.poll(async () => (await raw.xpending(keysOf().queued, workerGroup))[0]).toBe(4);
    held.open();
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual({ queued: 0, failing: 0, bad: 1 });
    expect((await notesOf(gizzard))[`${db1}/first`]).toEqual(['1=0', '1=12', '1=14']);
  });
});

describe('a leaf that takes no writes for now', () => {
  const first = { hostname: 'localhost', tablePrefix: 'first_root' };
  const leaf = (): { hostname: string; tablePrefix: string } => ({ hostname: db2, tablePrefix: 'first' });
  const guard = { hostname: 'localhost', tablePrefix: 'guard' };

  it.each(['blocked', 'readOnly'])('below a %s node gets its writes when the node is gone', async (type) => {
    const gizzard = await open({ jobs: { errorLimit: 2 } });
    await gizzard.apply([
      { kind: 'createShard', shard: { id: guard, type, sourceType: '', destinationType: '', busy: 'normal' } },
      { kind: 'removeLink', parent: first, child: leaf() },
      { kind: 'addLink', link: { parent: guard, child: leaf(), weight: 1 } },
      { kind: 'addLink', link: { parent: first, child: guard, weight: 1 } },
    ]);
    await append(gizzard, [note(1, 1)], { wait: true });
    await expect.poll(async () => (await gizzard.jobs.queues.list('high', 'failing', 9))[0]?.lastError).toMatch(/refuses writes for now/);
    expect(await notesOf(gizzard)).toMatchObject({ [`${db1}/first`]: ['1=1'], [`${db2}/first`]: [] });
    await gizzard.apply([
      { kind: 'removeLink', parent: guard, child: leaf() },
      { kind: 'removeLink', parent: first, child: guard },
      { kind: 'addLink', link: { parent: first, child: leaf(), weight: 1 } },
    ]);
    await expect.poll(() => notesOf(gizzard)).toMatchObject(both('first', ['1=1']));
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
  });

  it('and is replaced leaves its writes to the one that takes its place', async () => {
    const gizzard = await open();
    await gizzard.apply([{ kind: 'setHostWeight', weight: { hostname: db2, read: 1, write: 0 } }]);
    await append(gizzard, [note(1, 1)], { wait: true });
    await expect.poll(async () => (await gizzard.jobs.sizes('high')).failing).toBe(1);
    const other = { hostname: db1, tablePrefix: 'first_anew' };
    await gizzard.apply([
      { kind: 'createShard', shard: { id: other, type: 'notes', sourceType: '', destinationType: '', busy: 'normal' } },
      { kind: 'removeLink', parent: first, child: leaf() },
      { kind: 'addLink', link: { parent: first, child: other, weight: 1 } },
    ]);
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(gizzard)).toMatchObject({ [`${db1}/first`]: ['1=1'], [`${db1}/first_anew`]: ['1=1'] });
  });

  it('whose key moved to another shard leaves its writes to that one', async () => {
    const gizzard = await open();
    await gizzard.apply([{ kind: 'setHostWeight', weight: { hostname: db1, read: 1, write: 0 } }, { kind: 'setHostWeight', weight: { hostname: db2, read: 1, write: 0 } }]);
    await append(gizzard, [note(100, 1)]);
    await expect.poll(async () => (await gizzard.jobs.sizes('high')).failing).toBe(1);
    const other = { hostname: db1, tablePrefix: 'split_off' };
    await gizzard.apply([
      { kind: 'createShard', shard: { id: other, type: 'notes', sourceType: '', destinationType: '', busy: 'normal' } },
      { kind: 'setForwarding', forwarding: { tableId: 1, baseId: 50n, shard: other } },
      { kind: 'removeHostWeight', hostname: db1 },
    ]);
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(gizzard)).toMatchObject({ [`${db1}/first`]: [], [`${db1}/split_off`]: ['100=1'] });
  });

  it('and ignores them for good does not hold up the job', async () => {
    const gizzard = await open();
    await gizzard.apply([{ kind: 'removeForwarding', tableId: 1, baseId: 0n }, { kind: 'createShard', shard: { id: guard, type: 'blackHole', sourceType: '', destinationType: '', busy: 'normal' } }, { kind: 'setForwarding', forwarding: { tableId: 1, baseId: 0n, shard: guard } }]);
    await append(gizzard, [note(1, 1)], { wait: true });
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
  });
});

describe('a job that nobody can apply', () => {
  it('because its payload is malformed is given up at once, beside others that are not', async () => {
    const gizzard = await open();
    await gizzard.jobs.append([{ kind: 'test.notes', payload: Buffer.from('no json') }, notesJob([note(1, 1)])], { priority: 'high', waitUntilApplied: false, deadline: Deadline.after(5_000) });
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual({ queued: 0, failing: 0, bad: 1 });
    expect(await gizzard.jobs.queues.list('high', 'bad', 9)).toMatchObject([{ attempts: 1, lastError: 'these are no notes' }]);
    await expect.poll(() => notesOf(gizzard)).toMatchObject(both('first', ['1=1']));
  });

  it('because the entry is no job is kept as it is, with the reason', async () => {
    const metrics = new Metrics();
    const gizzard = await open({ metrics });
    await raw.xadd(keysOf().queued, '*', 'something', 'else');
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual({ queued: 0, failing: 0, bad: 1 });
    expect((await raw.xrange(keysOf().bad, '-', '+'))[0]![1]).toEqual(['something', 'else', 'error', expect.stringMatching(/no kind/)]);
    expect(await metrics.registry.metrics()).toContain('roost_jobs_total{priority="high",outcome="bad"} 1');
  });

  it('because its kind is unknown is tried again: another server may know it', async () => {
    const old = await open({ jobs: { errorLimit: 4 } });
    await old.jobs.append([{ kind: 'test.future', payload: Buffer.from('x') }], { priority: 'high', waitUntilApplied: false, deadline: Deadline.after(5_000) });
    await expect.poll(() => old.jobs.sizes('high')).toEqual({ queued: 0, failing: 0, bad: 1 });
    expect(await old.jobs.queues.list('high', 'bad', 9)).toMatchObject([{ kind: 'test.future', attempts: 4, lastError: expect.stringMatching(/no job of kind test.future/) as string }]);
  });

  it('because there is no forwarding for it is applied when there is one', async () => {
    const gizzard = await open();
    const { root } = gizzard.topology.route(1, 1n);
    await gizzard.apply([{ kind: 'removeForwarding', tableId: 1, baseId: 0n }]);
    await append(gizzard, [note(1, 1), note(secondShard, 1)]);
    await expect.poll(async () => (await gizzard.jobs.queues.list('high', 'failing', 9))[0]?.lastError).toMatch(/no forwarding for key 1/);
    await gizzard.apply([{ kind: 'setForwarding', forwarding: { tableId: 1, baseId: 0n, shard: root.id } }]);
    await expect.poll(() => notesOf(gizzard)).toEqual({ ...both('first', ['1=1']), ...both('second', [`${secondShard}=1`]) });
  });
});

describe('a full queue', () => {
  const overloaded = (queue: string): unknown => expect.objectContaining({ code: 'Overloaded', retryable: true, retryAfterMs: 200, fields: { priority: 'high', queue } });

  it('refuses writes, accepts nothing of them, and takes them when there is room', async () => {
    const writer = await open({ work: false, jobs: { maxQueued: 5 } });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => append(writer, [note(1, i)])));
    const accepted = outcomes.flatMap(({ status }, i) => (status === 'fulfilled' ? [`1=${i}`] : []));
    expect(accepted).toHaveLength(5);
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toEqual(overloaded('queued'));
    expect(await writer.jobs.sizes('high')).toEqual({ queued: 5, failing: 0, bad: 0 });
    await append(writer, [note(1, 99)], { priority: 'low' });
    await open({ jobs: { maxQueued: 5 } });
    await expect.poll(() => writer.jobs.sizes('high')).toEqual(idle);
    await expect.poll(() => notesOf(writer)).toMatchObject(both('first', [...accepted, '1=99'].sort(byValue)));
    await append(writer, [note(1, 100)], { wait: true });
  });

  it('of failing jobs refuses writes, and takes them when the host is back', async () => {
    let failing = true;
    const gizzard = await open({ jobs: { maxFailing: 3 }, hooks: { beforeApply: failOn(db2, 'Unavailable', () => failing) } });
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
    await expect.poll(write).toEqual(overloaded('failing'));
    failing = false;
    await expect.poll(write).toBeUndefined();
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(gizzard)).toMatchObject(both('first', accepted.sort(byValue)));
  });

  it('is not filled by the failing jobs that are tried again', async () => {
    const gizzard = await open({ jobs: { maxQueued: 100 }, hooks: { beforeApply: failOn(db2, 'Unavailable') } });
    await Promise.all(Array.from({ length: 60 }, (_, i) => append(gizzard, [note(1, i)])));
    await expect.poll(async () => (await gizzard.jobs.sizes('high')).failing).toBeGreaterThan(55);
    const writer = await open({ work: false, jobs: { maxQueued: 100 } });
    let most = 0;
    for (let i = 0; i < 200; i++) most = Math.max(most, (await writer.jobs.sizes('high')).queued);
    expect(most).toBeLessThanOrEqual(50);
  });

  it('of payloads on their way to Redis refuses more', async () => {
    const writer = await open({ work: false });
    const large = { kind: 'test.notes', payload: Buffer.alloc(24 * 1024 * 1024) };
    const write = (): Promise<void> => writer.jobs.append([large], { priority: 'high', waitUntilApplied: false, deadline: Deadline.after(20_000) });
    const outcomes = await Promise.allSettled([write(), write(), write()]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect((outcomes[2] as PromiseRejectedResult).reason).toEqual(throwsCode('Overloaded', /does not keep up/));
    await write();
    expect((await writer.jobs.sizes('high')).queued).toBe(3);
  });
});

const byValue = (a: string, b: string): number => Number(a.slice(2)) - Number(b.slice(2));

describe('a worker that died', () => {
  /** Takes jobs as a worker does that then dies: nothing more is heard of it. */
  const takeAndDie = async (count: number, consumer = 'dead'): Promise<string[]> => {
    const reply = (await raw.xreadgroup('GROUP', workerGroup, consumer, 'COUNT', count, 'STREAMS', keysOf().queued, '>')) as [string, [string, string[]][]][];
    return reply[0]![1].map(([id]) => id);
  };

  it('has its jobs taken over', async () => {
    const writer = await open({ work: false });
    await writer.jobs.journal.prepare();
    for (let i = 0; i < 10; i++) await append(writer, [note(1, i)]);
    expect(await takeAndDie(4)).toHaveLength(4);
    await open({ jobs: { claimAfterSeconds: 0.3 } });
    await expect.poll(() => writer.jobs.sizes('high')).toEqual(idle);
    expect((await notesOf(writer))[`${db2}/first`]).toHaveLength(10);
    // And then it is forgotten.
    await expect.poll(async () => ((await raw.xinfo('CONSUMERS', keysOf().queued, workerGroup)) as string[][]).map((fields) => fields[1]), { timeout: 15_000 }).not.toContain('dead');
  });

  it('is not one that takes long', async () => {
    const held = gate();
    const applied: string[] = [];
    const hooks: NotesHooks = {
      beforeApply(leaf) {
        applied.push(leaf);
        return held.opened;
      },
    };
    const jobs = { claimAfterSeconds: 1.5 };
    const writer = await open({ hooks, jobs });
    await open({ hooks, jobs });
    await append(writer, [note(1, 1)]);
    await expect.poll(() => applied).toHaveLength(2);
    // Far longer than silence is allowed to last; then a job would have been delivered twice.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    const [pending] = (await raw.xpending(keysOf().queued, workerGroup, '-', '+', 1)) as [string, string, number, number][];
    expect(pending![3]).toBe(1);
    expect(applied).toHaveLength(2);
    held.open();
    await expect.poll(() => writer.jobs.sizes('high')).toEqual(idle);
  });

  it('of a job that was delivered too often takes it along: the job is bad', async () => {
    const writer = await open({ work: false });
    await writer.jobs.journal.prepare();
    await append(writer, [note(1, 1)]);
    const [id] = await takeAndDie(1);
    await raw.xclaim(keysOf().queued, workerGroup, 'dead', 0, id!, 'RETRYCOUNT', 10);
    await append(writer, [note(1, 2)]);
    const worker = await open({ jobs: { claimAfterSeconds: 0.2 } });
    await expect.poll(() => writer.jobs.sizes('high')).toEqual({ queued: 0, failing: 0, bad: 1 });
    expect(await worker.jobs.queues.list('high', 'bad', 9)).toMatchObject([{ kind: 'test.notes', lastError: expect.stringMatching(/delivered 10 times and never finished/) as string }]);
    expect(await notesOf(writer)).toMatchObject(both('first', ['1=2']));
  });

  it('loses nothing when Redis has lost the consumer group', async () => {
    const gizzard = await open();
    await append(gizzard, [note(1, 1)], { wait: true });
    await raw.xgroup('DESTROY', keysOf().queued, workerGroup);
    await append(gizzard, [note(1, 2)], { wait: true });
    expect(await notesOf(gizzard)).toMatchObject(both('first', ['1=1', '1=2']));
  });
});

describe('closing', () => {
  it('finishes the jobs in work', async () => {
    const held = gate();
    let started = 0;
    const gizzard = await open({
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
    const other = await open({ work: false });
    expect(await other.jobs.sizes('high')).toEqual(idle);
    expect(await notesOf(other)).toMatchObject(both('first', ['1=1']));
  });

  it('hands back what does not finish, for others to take at once', async () => {
    const held = gate();
    let started = 0;
    const slow = await open({
      hooks: {
        beforeApply() {
          started++;
          return held.opened;
        },
      },
    });
    for (let i = 0; i < 5; i++) await append(slow, [note(1, i)]);
    await expect.poll(() => started).toBe(2);
    await expect.poll(async () => (await raw.xpending(keysOf().queued, workerGroup))[0]).toBe(5);
    // Jobs of the one that closes would only be taken over after an hour.
    const other = await open();
    await slow.jobs.close(0);
    await expect.poll(() => other.jobs.sizes('high')).toEqual(idle);
    expect((await notesOf(other))[`${db1}/first`]).toHaveLength(5);
    held.open();
  });

  it('works for one that never worked, and twice', async () => {
    const gizzard = await open({ work: false });
    await gizzard.jobs.close(1_000);
    await gizzard.jobs.close(1_000);
    await expect(append(gizzard, [note(1, 1)])).rejects.toEqual(throwsCode('Unavailable', /journal/));
  });
});

describe('several workers', () => {
  it('share one queue, and apply each job once', async () => {
    const counted = [0, 0];
    const counting = (worker: number): NotesHooks => ({ beforeApply: (leaf, notes) => void (leaf.startsWith(db1) && (counted[worker]! += notes.length)) });
    const writer = await open({ work: false });
    await open({ hooks: counting(0) });
    await open({ hooks: counting(1) });
    const count = 2_000;
    for (let from = 0; from < count; from += 100) await Promise.all(Array.from({ length: 100 }, (_, i) => append(writer, [note((from + i) % 2 === 0 ? 1 : secondShard, from + i)])));
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
    const gizzard = await open({ metrics, hooks: { beforeApply: failOn(`${db2}/first`, 'Conflict', () => ++tries === 1) } });
    await append(gizzard, [note(1, 1)]);
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    await append(await open({ work: false }), [note(1, 1)], { priority: 'low' });
    await expect.poll(() => gizzard.jobs.sizes('low')).toEqual(idle);
    const text = await metrics.registry.metrics();
    expect(text).toContain('roost_jobs_total{priority="high",outcome="failed"} 1');
    expect(text).toContain('roost_jobs_total{priority="high",outcome="applied"} 1');
    expect(text).toContain('roost_job_delay_seconds_count{priority="high"} 1');
    expect(text).toContain('roost_jobs{priority="medium",queue="failing"} 0');
    expect(text).toMatch(/^roost_journal_up 1$/m);
  });
});
