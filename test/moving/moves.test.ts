import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { openFlock, type Flock } from '../../flock/index.js';
import { parseShardId, shardKey, type MoveTask, type ShardId, type ShardInfo } from '../../gizzard/index.js';
import { untilApplied } from '../flock/untilApplied.js';
import { freshCluster } from '../support/index.js';

const cluster = freshCluster('moves');
const config = { ...cluster.config, nameServer: { ...cluster.config.nameServer, reloadSeconds: 0.1 } };
const hosts = Object.keys(config.databaseHosts);
const never = new AbortController().signal;
const edgeCount = 6_000;
let flock: Flock;
let graphId: number;
let forward: { readonly root: ShardInfo; readonly leaves: readonly ShardId[] };

const finished = (id: number): Promise<MoveTask> => flock.gizzard.moves.finished(id, never);
const diff = async (...ids: ShardId[]): Promise<MoveTask> => finished(await flock.gizzard.moves.request('diff', ids));

/** A leaf beside the others that nothing forwards to. */
async function makeLeaf(name: string, hostname = hosts[0]!): Promise<ShardId> {
  const id = { hostname, tablePrefix: name };
  await flock.gizzard.apply([{ kind: 'createShard', shard: { id, type: 'flock', attributes: {}, busy: 'normal' } }]);
  return id;
}

async function write(
  count: number,
  options: { readonly from?: number; readonly operation?: 'add' | 'archive' | 'remove' } = {},
): Promise<void> {
  const { from = 0, operation = 'add' } = options;
  for (let start = 0; start < count; start += 1_000) {
    const size = Math.min(1_000, count - start);
    const ids = BigInt64Array.from({ length: size }, (_, i) => BigInt(from + start + i));
    // A tenth of the edges leave one node; the others leave many.
    const sourceIds = ids.map((id) => (id % 10n === 0n ? 7n : id / 3n));
    await flock.write(
      { graphId, operations: operation, sourceIds, destinationIds: ids },
      { acknowledgment: 'materialized', deadlineMs: 20_000 },
    );
  }
}

/** Returns every row of a shard, as its host stores it. */
async function stored({ hostname, tablePrefix }: ShardId): Promise<unknown> {
  const rows = (table: string): Promise<unknown> =>
    flock.gizzard.mysql
      .host(hostname)
      .rows(
        `SELECT * FROM \`${config.cluster}\`.\`${tablePrefix}_${table}\` ORDER BY 1, 4`,
        [],
        Deadline.after(10_000),
      );
  return { nodes: await rows('nodes'), edges: await rows('edges') };
}

beforeAll(async () => {
  flock = await openFlock(config, { work: true, create: true });
  const graph = await flock.createGraph('follows', { shards: 1, replicas: 2 });
  graphId = graph.id;
  const [route] = flock.gizzard.topology.routes(graphId);
  forward = { root: route!.root, leaves: route!.leaves.map((leaf) => leaf.shard.id) };
  await write(edgeCount);
  await write(500, { from: 100, operation: 'archive' });
  const [some, others] = [
    { sourceIds: BigInt64Array.of(7n, 2_000_000n), destinationIds: BigInt64Array.of(5n, 5n) },
    [0n, 400n, 3_000_000n],
  ];
  await flock.write(
    { graphId, operations: 'add', ...some, positions: BigInt64Array.of(-5n, 2n ** 62n) },
    { acknowledgment: 'materialized' },
  );
  // These are nodes at either end, and one node without edges.
  const nodes = others.flatMap((id) =>
    (['forward', 'backward'] as const).map((direction) => ({
      node: { graphId, id, direction, operation: 'archive' as const },
    })),
  );
  await flock.execute(nodes, { acknowledgment: 'materialized' });
  await untilApplied(flock);
});
afterAll(() => flock.close());

describe('a copy', () => {
  it('makes an empty shard the same as its source, counters too', async () => {
    const target = await makeLeaf('copied', hosts[1]);
    const task = await finished(await flock.gizzard.moves.request('copy', [forward.leaves[0]!, target]));
    expect(task).toMatchObject({ state: 'done', differenceCount: 0 });
    expect(task.rowsDone).toBeGreaterThan(edgeCount);
    expect(task.rowsDone).toBe(task.rowsTotal);
    expect(await stored(target)).toEqual(await stored(forward.leaves[0]!));
    expect(await diff(forward.leaves[0]!, target)).toMatchObject({
      state: 'done',
      differenceCount: 0,
      differences: [],
    });
    expect(flock.gizzard.topology.shard(target).busy).toBe('normal');
  });

  it('neither loses nor brings back what is written meanwhile', async () => {
    const target = await makeLeaf('copied_live');
    // From now on the target gets the writes too, and no reads.
    await flock.gizzard.apply([{ kind: 'addLink', link: { parent: forward.root.id, child: target, weight: 0 } }]);
    const id = await flock.gizzard.moves.request('copy', [forward.leaves[0]!, target], {
      minRowsPerSecond: 4_000,
      maxRowsPerSecond: 4_000,
    });
    let round = 0;
    const done = new AbortController();
    const writing = (async () => {
      while (!done.signal.aborted) {
        await write(300, {
          from: (round * 700) % edgeCount,
          operation: round % 3 === 0 ? 'remove' : round % 3 === 1 ? 'archive' : 'add',
        });
        round++;
      }
    })();
    await finished(id);
    done.abort();
    await writing;
    expect(round).toBeGreaterThan(3);
    expect(await diff(forward.leaves[0]!, forward.leaves[1]!, target)).toMatchObject({
      differenceCount: 0,
      differences: [],
    });
    await flock.gizzard.apply([{ kind: 'removeLink', parent: forward.root.id, child: target }]);
  });

  it('stops when it is cancelled, and says so on the shards', async () => {
    const target = await makeLeaf('cancelled');
    const id = await flock.gizzard.moves.request('copy', [forward.leaves[0]!, target], {
      minRowsPerSecond: 1,
      maxRowsPerSecond: 1,
    });
    await flock.gizzard.moves.cancel(id);
    await expect(finished(id)).rejects.toMatchObject({ code: 'FailedPrecondition', message: 'the copy was cancelled' });
    expect(flock.gizzard.topology.shard(target).busy).toBe('cancelled');
    await expect(flock.gizzard.moves.cancel(id)).rejects.toMatchObject({ code: 'FailedPrecondition' });
  });

  it('keeps to its ceiling, and to a new one at once', async () => {
    const target = await makeLeaf('throttled');
    const id = await flock.gizzard.moves.request('copy', [forward.leaves[0]!, target], {
      minRowsPerSecond: 100,
      maxRowsPerSecond: 100,
    });
    let task = await flock.gizzard.moves.get(id);
    while (task.rowsDone === 0) {
      await sleep(20);
      task = await flock.gizzard.moves.get(id);
    }
    expect(task.rowsDone).toBeLessThan(edgeCount);
    expect(task.rowsTotal).toBeGreaterThan(edgeCount);
    await flock.gizzard.moves.cancel(id);
  });
});

describe('a diff and a repair', { timeout: 120_000 }, () => {
  it('print the rows that differ, write nothing, and make the shards the same', async () => {
    const [left, right] = forward.leaves as [ShardId, ShardId];
    const host = flock.gizzard.mysql.host(left.hostname);
    const table = `\`${config.cluster}\`.\`${left.tablePrefix}_edges\``;
    const [victim] = await host.rows(
      `SELECT source_id, destination_id FROM ${table} ORDER BY source_id LIMIT 1`,
      [],
      Deadline.after(5_000),
    );
    await host.run(
      `DELETE FROM ${table} WHERE source_id = ? AND destination_id = ?`,
      [Number(victim![0]), Number(victim![1])],
      Deadline.after(5_000),
    );
    await host.run(
      `UPDATE \`${config.cluster}\`.\`${left.tablePrefix}_nodes\` SET normal_count = normal_count + 5 WHERE source_id = 7`,
      [],
      Deadline.after(5_000),
    );

    for (let look = 0; look < 2; look++) {
      const { differences } = await diff(left, right);
      expect(differences).toContainEqual(
        expect.objectContaining({
          table: 'edges',
          key: victim!.join(),
          rows: {
            [shardKey(left)]: null,
            [shardKey(right)]: expect.objectContaining({ source: String(victim![0]) }) as unknown,
          },
        }),
      );
      expect(differences).toContainEqual(expect.objectContaining({ table: 'nodes', key: '7' }));
    }
    const repaired = await finished(await flock.gizzard.moves.request('repair', [left, right]));
    expect(repaired.differenceCount).toBeGreaterThan(1);
    expect(await diff(left, right)).toMatchObject({ differenceCount: 0, differences: [] });
  });

  it('merge by the conflict rules, whichever shard is named first', async () => {
    const target = await makeLeaf('older');
    await finished(await flock.gizzard.moves.request('copy', [forward.leaves[0]!, target]));
    await write(400, { from: 2_000, operation: 'remove' });
    await finished(await flock.gizzard.moves.request('repair', [target, forward.leaves[1]!]));
    expect(await diff(forward.leaves[0]!, forward.leaves[1]!, target)).toMatchObject({
      differenceCount: 0,
      differences: [],
    });
  });
});

describe('a move that is wrong', () => {
  it.each([
    ['a shard that is not there', () => [forward.leaves[0]!, parseShardId('host1/nowhere')], 'NotFound'],
    ['one shard alone', () => [forward.leaves[0]!], 'InvalidArgument'],
    ['the same shard twice', () => [forward.leaves[0]!, forward.leaves[0]!], 'InvalidArgument'],
    ['a routing node', () => [forward.leaves[0]!, forward.root.id], 'InvalidArgument'],
  ] as const)('is refused: %s', async (_what, ids, code) => {
    await expect(flock.gizzard.moves.request('copy', ids())).rejects.toMatchObject({ code });
  });

  it('is refused with a floor above its ceiling', async () => {
    await expect(
      flock.gizzard.moves.request('diff', forward.leaves, { minRowsPerSecond: 2, maxRowsPerSecond: 1 }),
    ).rejects.toMatchObject({ code: 'InvalidArgument' });
  });
});
