import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCluster } from '../cluster/index.js';
import { composeSnowflake, Deadline } from '../core/index.js';
import { shardKey } from '../gizzard/index.js';
import { tbirdStore, tweetsTableId, type Tbird } from '../tbird/index.js';
import { usersStore } from '../users/index.js';
import { callRoost } from './callRoost.js';
import { freshCluster } from './support/index.js';

const { config, configPath } = freshCluster('tweet_shards', { jobs: { errorDelaySeconds: 0.2, claimAfterSeconds: 1 } });
const folder = process.cwd();
const hourMs = 3_600_000;
const materialized = { acknowledgment: 'materialized' } as const;
let tbird: Tbird;
let ids: bigint[];

beforeAll(async () => {
  tbird = (await openCluster(config, [tbirdStore, usersStore], { create: true, work: true })).stores.tbird;
  await tbird.setup({ policy: { windowMs: hourMs, stripes: 1, replicas: 2, catchUp: true }, graphShards: 1 });
  const timeMs = Date.now() - 3 * hourMs;
  ids = Array.from({ length: 30 }, (_, i) => composeSnowflake({ timeMs: timeMs + i, worker: 1, sequence: 0 }));
  await tbird.create(
    ids.map((id) => ({ id, userId: 1n, text: `tweet ${id}` })),
    materialized,
  );
});
afterAll(() => tbird.close());

async function answer(...args: string[]): Promise<Record<string, unknown>> {
  const { exitCode, stdout, stderr } = await callRoost([...args, '--config', configPath, '--json'], folder);
  expect({ exitCode, stderr }, args.join(' ')).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as Record<string, unknown>;
}
const stored = async (): Promise<number> =>
  (await tbird.get(BigInt64Array.from(ids))).filter((tweet) => tweet !== undefined).length;
/** Returns the present tree of the closed window, and its copies. */
async function tree(): Promise<{ root: string; leaves: readonly string[] }> {
  await tbird.gizzard.nameServer.reload();
  const { root, leaves } = tbird.gizzard.topology.route(tweetsTableId, ids[0]!);
  return { root: shardKey(root.id), leaves: leaves.map(({ key }) => key) };
}
const transformed = async (shape: string): Promise<unknown> =>
  answer('transform-tree', shape, (await tree()).root, '--yes', '--wait', '--cleanup');
/** Deletes a row from one copy, bypassing the store. */
async function lose(id: bigint): Promise<void> {
  const [hostname, prefix] = (await tree()).leaves[1]!.split('/') as [string, string];
  const { affectedRows } = await tbird.gizzard.mysql
    .host(hostname)
    .run(`DELETE FROM \`${config.cluster}\`.\`${prefix}_tweets\` WHERE id = ?`, [id], Deadline.after(5_000));
  expect(affectedRows).toBe(1);
}

describe('the table of a closed window', () => {
  it('is compared and repaired, and the doctor sees that a copy lacks a row', async () => {
    const { root, leaves } = await tree();
    expect(await answer('shard', 'diff', ...leaves)).toMatchObject({ kind: 'diff', differenceCount: 0 });
    await lose(ids[3]!);
    expect(await answer('shard', 'diff', ...leaves)).toMatchObject({
      differenceCount: 1,
      differences: [{ table: 'tweets', key: String(ids[3]) }],
    });
    const { findings } = JSON.parse((await callRoost(['doctor', '--config', configPath, '--json'], folder)).stdout) as {
      findings: { kind: string; subject: string }[];
    };
    expect(findings).toMatchObject([{ kind: 'disagreeingReplicas', subject: root }]);
    await answer('shard', 'repair', ...leaves, '--yes', '--wait');
    expect(await answer('shard', 'diff', ...leaves)).toMatchObject({ differenceCount: 0 });
    expect(await answer('doctor')).toMatchObject({ findings: [] });
  });

  it('is transformed like any other: read-only with one copy, while writes wait, and back, by templates with and without the length of the window', async () => {
    await transformed('readOnly(replicating(tweets(db1)))');
    expect(await stored()).toBe(ids.length);
    await expect(tbird.delete(BigInt64Array.of(ids[7]!), { ...materialized, deadlineMs: 1_000 })).rejects.toMatchObject(
      { code: expect.stringMatching(/Unavailable|DeadlineExceeded/) as string },
    );
    expect(await stored()).toBe(ids.length);
    await transformed(`replicating(tweets(db1), tweets(db2, "${hourMs}", ""))`);
    await expect.poll(stored, { timeout: 10_000 }).toBe(ids.length - 1);
    const { leaves } = await tree();
    expect(leaves).toHaveLength(2);
    expect(await answer('shard', 'diff', ...leaves)).toMatchObject({ differenceCount: 0, rows: ids.length });
  });

  it('does not keep hosts from being rebalanced: ids that have no window stay where they are', async () => {
    const plan = await answer('rebalance', 'replicating(tweets(db1))', '--tables', String(tweetsTableId), '--dry-run');
    expect(JSON.stringify(plan)).toContain((await tree()).leaves.find((leaf) => leaf.startsWith('db2/')));
    await answer('rebalance', '--hosts', 'db1,db2', '--dry-run');
  });
});
