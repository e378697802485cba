import { type CheckOptions, type CheckReport, shownFaults } from '../cluster/index.js';
import { checkTweets } from './checkTweets.js';
import type { Tbird } from './tbird.js';
import { tweetsTableId } from './windows/windowMap.js';

/** `checkTweets` as a store's check. */
export async function checkStore(
  tbird: Tbird,
  { repair = false, signal, onProgress }: CheckOptions,
): Promise<CheckReport> {
  const { tweets, edges, faults, copies, strays, uncertain, repaired } = await checkTweets(tbird, {
    repair,
    ...(signal && { signal }),
    ...(onProgress && { onProgress: (checked) => onProgress(checked.tweets + checked.edges) }),
  });
  const found = [
    ...strays.strays.map(
      ({ shard, key, home }) => `tweet ${key} stands in ${shard}, and belongs to ${home ?? 'no table'}`,
    ),
    ...Array.from(
      strays.skipped,
      ([shard, why]) => `${shard} was not looked through for tweets of other tables: ${why}`,
    ),
    ...copies.map(
      ({ shards, differences }) => `${shards.join(', ')} differ in ${differences.map(({ key }) => key).join(', ')}`,
    ),
    ...faults.map(
      ({ id, graphId, sourceId, found: is, expected }) =>
        `tweet ${id} in graph ${graphId}: the entry of ${sourceId} is ${is}, and should be ${expected}`,
    ),
  ];
  return {
    looked: `${tweets} tweets and ${edges} entries of indexes${uncertain > 0 ? `, ${uncertain} uncertain while jobs are failing` : ''}`,
    faults: faults.length + copies.length + strays.count,
    repaired,
    found: found.slice(0, shownFaults),
    remedies: [
      ...(strays.count === 0 ? [] : [`roost shard strays --table=${tweetsTableId} --fix`]),
      ...copies.map(({ shards }) => `roost shard repair ${shards.join(' ')}`),
    ],
  };
}
