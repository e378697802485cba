import { differingRows, shardKey, type Gizzard, type ShardInfo } from '../gizzard/index.js';
import { shownFaults, type CheckOptions, type CheckReport } from './checkReport.js';

/** Rows named for each table with differing replicas. */
const namedRows = 10;

/**
 * Compares the replicas of all shards of some types row by row, during writes, and looks for rows in shards that
 * their keys do not lead to. With `repair`, servers merge differing replicas, and this waits for them. Shards that
 * cannot be moved, and denied ones, are skipped.
 */
export async function checkReplicas(
  gizzard: Gizzard,
  shardTypes: readonly string[],
  { repair = false, signal = new AbortController().signal, onProgress }: CheckOptions = {},
): Promise<CheckReport> {
  await gizzard.nameServer.reload();
  const { topology } = gizzard;
  const trees = new Map(
    topology.tables
      .flatMap(({ tableId }) => topology.routes(tableId))
      .map(({ root, leaves }) => [
        shardKey(root.id),
        leaves.filter(
          ({ shard, read, write }) =>
            shardTypes.includes(shard.type) &&
            gizzard.shardType(shard.type)?.moving !== undefined &&
            read === 'allow' &&
            write === 'allow',
        ),
      ]),
  );
  const found: string[] = [];
  const differing: (readonly ShardInfo[])[] = [];
  for (const leaves of trees.values()) {
    const shards = leaves.map(({ shard }) => shard);
    if (shards.length < 2) continue;
    const { tables } = gizzard.shardType(shards[0]!.type)!.moving!;
    let differs = false;
    for (const table of tables)
      for (const { key } of await differingRows(table, shards, (name) => gizzard.hosts.host(name), namedRows, signal)) {
        differs = true;
        found.push(`${shards.map(({ id }) => shardKey(id)).join(', ')} differ in row ${key} of ${table.name}`);
      }
    if (differs) differing.push(shards);
  }
  const leaves = [...trees.values()].flat().map(({ shard }) => shard.id);
  const strays = await gizzard.strays.examine(leaves, {
    signal,
    ...(onProgress && { onProgress: ({ rows }) => onProgress(rows) }),
  });
  found.unshift(
    ...strays.strays.map(
      ({ shard, key, home }) => `row ${key} stands in ${shard}, and belongs to ${home ?? 'no shard'}`,
    ),
  );
  found.unshift(...Array.from(strays.skipped, ([shard, why]) => `${shard} was not looked through: ${why}`));
  // A merge of replicas would copy stray rows.
  const mends = repair && strays.count === 0;
  if (mends)
    for (const shards of differing)
      await gizzard.moves.finished(
        await gizzard.moves.request(
          'repair',
          shards.map(({ id }) => id),
        ),
        signal,
      );
  return {
    looked: `${strays.rows} rows in ${leaves.length} shards`,
    faults: differing.length + strays.count + strays.skipped.size,
    repaired: mends ? differing.length : 0,
    found: found.slice(0, shownFaults),
    remedies: strays.count === 0 ? [] : ['roost shard strays --fix'],
  };
}
