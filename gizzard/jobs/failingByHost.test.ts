import { describe, expect, it } from 'vitest';
import { Deadline, type ErrorCode } from '../../core/index.js';
import { Metrics } from '../../process/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import { append, failOn, notesOf, notesTable, secondShard, type Note } from '../../test/support/notes.js';
import { notesCluster } from '../../test/support/notesCluster.js';
import type { Gizzard } from '../gizzard.js';

const cluster = notesCluster('failing_by_host', { errorDelaySeconds: 0.05, claimAfterSeconds: 3600 });
const note = (key: bigint | number, value: number): Note => ({ key: BigInt(key), value });
const idle = { queued: 0, failing: 0, bad: 0 };
const soon = (): Deadline => Deadline.after(5_000);

/** The values of a key on whichever replica answers first. */
const read = (gizzard: Gizzard, key: bigint): Promise<number[]> =>
  gizzard.read(gizzard.topology.route(1, key), soon(), async (host: DatabaseHost, leaf, deadline) => {
    const rows = await host.rows(`SELECT v FROM ${notesTable(gizzard, leaf.shard.id)} WHERE k = ?`, [key], deadline);
    return rows.map(([value]) => Number(value));
  });
const laggingLeaves = async (gizzard: Gizzard): Promise<unknown> =>
  Object.fromEntries((await gizzard.jobs.lagging.look(soon())).leaves);

describe('a replica that lacks a write', () => {
  it('is not read after the write was answered as materialized, through no server', async () => {
    let failing = false;
    const hooks = { beforeApply: failOn(`${cluster.db2}/first`, 'Unavailable', () => failing) };
    const writer = await cluster.open({ hooks });
    const reader = await cluster.open({ work: false });
    for (let value = 0; value < 6; value++) {
      failing = true;
      await append(writer, [note(1, value)], { wait: true });
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => read(i % 2 === 0 ? reader : writer, 1n)));
      expect(answers.filter((values) => !values.includes(value))).toEqual([]);
      failing = false;
      await expect.poll(() => laggingLeaves(writer), { timeout: 10_000 }).toEqual({});
    }
  }, 60_000);

  it('is named, with its jobs, until they are applied, discarded or repaired', async () => {
    let failing = true;
    const metrics = new Metrics();
    const gizzard = await cluster.open({
      metrics,
      jobs: { errorLimit: 2 },
      hooks: { beforeApply: failOn(`${cluster.db2}/first`, 'Internal', () => failing) },
    });
    for (const value of [1, 2, 3]) await append(gizzard, [note(1, value), note(secondShard, value)], { wait: true });
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual({ ...idle, bad: 3 });
    const leaf = `${cluster.db2}/first`;
    expect(await laggingLeaves(gizzard)).toEqual({ [leaf]: 3 });
    expect(await gizzard.jobs.laggingHosts()).toMatchObject([
      { host: cluster.db2, failing: 0, bad: 3, leaves: [leaf] },
    ]);
    const text = await metrics.registry.metrics();
    expect(text).toContain(`roost_host_bad_jobs{host="${cluster.db2}"} 3`);
    expect(text).toContain(`roost_host_lagging_shards{host="${cluster.db2}"} 1`);
    const found = await gizzard.doctor.examine();
    expect(found).toContainEqual(
      expect.objectContaining({
        kind: 'laggingReplicas',
        subject: cluster.db2,
        message: expect.stringMatching(/3 bad jobs, .*1 of its shards are read last/) as string,
      }),
    );

    const [first] = await gizzard.jobs.queues.list('high', 'bad', 1);
    expect(first!.id).toMatch(new RegExp(`@${cluster.db2}$`));
    expect(await gizzard.jobs.queues.list('high', 'bad', 9, first!.id)).toHaveLength(2);
    expect(await gizzard.jobs.queues.discard('high', 'bad', [first!.id])).toBe(1);
    expect(await laggingLeaves(gizzard)).toEqual({ [leaf]: 2 });
    failing = false;
    expect(await gizzard.jobs.queues.retry('high', 'bad')).toBe(2);
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(await laggingLeaves(gizzard)).toEqual({});
    expect(await notesOf(gizzard)).toMatchObject({ [leaf]: ['1=2', '1=3'] });
  });

  it('counts as lagging while its jobs are tried again', async () => {
    let failing = true;
    const seen: unknown[] = [];
    const gizzard = await cluster.open({
      hooks: {
        async beforeApply(leaf) {
          failOn(`${cluster.db2}/first`, 'Unavailable', () => failing)(leaf);
          if (leaf === `${cluster.db2}/first`) seen.push(await laggingLeaves(gizzard));
        },
      },
    });
    await append(gizzard, [note(1, 1)], { wait: true });
    failing = false;
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
    expect(seen).toEqual([{ [`${cluster.db2}/first`]: 1 }]);
  });
});

describe('a host that takes no writes', () => {
  /** The first shard on the first host alone, the second on the second. */
  const apart = async (
    code: ErrorCode,
    jobs: { maxFailing?: number; maxBad?: number; errorLimit?: number },
    failing: () => boolean,
  ): Promise<Gizzard> => {
    const gizzard = await cluster.open({
      hosts: [cluster.db1],
      jobs,
      hooks: { beforeApply: failOn(cluster.db2, code, failing) },
    });
    const { root } = gizzard.topology.route(1, secondShard);
    const old = { hostname: cluster.db1, tablePrefix: 'second' };
    const other = { hostname: cluster.db2, tablePrefix: 'second' };
    await gizzard.apply([
      { kind: 'createShard', shard: { id: other, type: 'notes', attributes: {}, busy: 'normal' } },
      { kind: 'removeLink', parent: root.id, child: old },
      { kind: 'addLink', link: { parent: root.id, child: other, weight: 1 } },
    ]);
    return gizzard;
  };
  const refusal = (gizzard: Gizzard, key: bigint): Promise<unknown> =>
    append(gizzard, [note(key, 99)]).then(
      () => undefined,
      (error: unknown) => error,
    );

  it('stops the writes of no other, and is bounded by itself', async () => {
    let failing = true;
    const gizzard = await apart('Unavailable', { maxFailing: 3 }, () => failing);
    for (let value = 0; value < 3; value++) await append(gizzard, [note(secondShard, value)]);
    await expect
      .poll(() => refusal(gizzard, secondShard))
      .toMatchObject({ code: 'Overloaded', fields: { priority: 'high', queue: 'failing', host: cluster.db2 } });
    for (let value = 0; value < 20; value++) await append(gizzard, [note(1, value)], { wait: true });
    failing = false;
    await expect.poll(() => refusal(gizzard, secondShard)).toBeUndefined();
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
  });

  it('keeps a bounded number of bad jobs; then others go on failing, and writes are refused', async () => {
    let failing = true;
    const gizzard = await apart('Internal', { maxBad: 2, errorLimit: 1 }, () => failing);
    await Promise.all(Array.from({ length: 5 }, (_, value) => append(gizzard, [note(secondShard, value)])));
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual({ queued: 0, failing: 3, bad: 2 });
    await expect
      .poll(() => refusal(gizzard, secondShard))
      .toMatchObject({
        code: 'Overloaded',
        message: expect.stringMatching(/given up for host/) as string,
        fields: { queue: 'bad', host: cluster.db2 },
      });
    await append(gizzard, [note(1, 1)], { wait: true });
    failing = false;
    await gizzard.jobs.queues.retry('high', 'bad');
    await expect.poll(() => gizzard.jobs.sizes('high')).toEqual(idle);
  });
});

it('jobs that a server of the release before left in its one failing stream are tried again', async () => {
  const gizzard = await cluster.open({ work: false });
  await append(gizzard, [note(1, 7)]);
  const [[id, fields]] = (await cluster.redis.xrange(cluster.keys.queued, '-', '+')) as [[string, string[]]];
  await cluster.redis.xadd(
    cluster.keys.failing,
    '*',
    ...fields,
    'leaves',
    `${cluster.db2}/first`,
    'topology',
    String(gizzard.topology.version),
    'attempts',
    '3',
    'error',
    'gone',
  );
  await cluster.redis.xdel(cluster.keys.queued, id);
  expect((await gizzard.jobs.sizes('high')).failing).toBe(1);
  const worker = await cluster.open();
  await expect.poll(() => worker.jobs.sizes('high')).toEqual(idle);
  expect(await notesOf(gizzard)).toMatchObject({ [`${cluster.db1}/first`]: [], [`${cluster.db2}/first`]: ['1=7'] });
});
