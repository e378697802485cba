import type { Store } from '../cluster/index.js';
import { Deadline } from '../core/index.js';
import { NameServer, shardKey, type Topology } from '../gizzard/index.js';
import { DatabaseHosts } from '../mysql/index.js';
import { Metrics, silentLog, type RoostConfig } from '../process/index.js';

type WordsOf = (topology: Topology) => readonly string[];

/**
 * The words that an argument of a command, or the value of an option, may be, by kind: those that the stores bring,
 * hosts and shards.
 */
const wordsOf = (stores: readonly Store[]): ReadonlyMap<string, WordsOf> =>
  new Map([
    ...stores.flatMap(({ words = {} }) => Object.entries(words)),
    ['shard', ({ state }) => state.shards.map(({ id }) => shardKey(id))],
  ]);

export const valueKinds = (stores: readonly Store[]): readonly string[] => [...wordsOf(stores).keys(), 'host'];

/** A completion that takes longer is slower than typing the word. */
const deadlineMs = 2_000;
const maxValues = 200;

/**
 * The words of a kind that start with `prefix`, `maxValues` at most; none if the cluster does not answer in time.
 * Never throws.
 */
export async function completionValues(
  kind: string,
  prefix: string,
  config: RoostConfig,
  stores: readonly Store[],
): Promise<string[]> {
  const begins = (word: string): boolean => word.startsWith(prefix);
  if (kind === 'host') return Object.keys(config.databaseHosts).filter(begins);
  const hosts = new DatabaseHosts(config, silentLog, new Metrics());
  try {
    const nameServer = NameServer.open(hosts, config.nameServer, config.cluster, silentLog);
    await Deadline.after(deadlineMs).race(nameServer.reload(), 'reading the topology');
    const { topology } = nameServer;
    const words = wordsOf(stores).get(kind)?.(topology) ?? [];
    return words.filter(begins).sort().slice(0, maxValues);
  } catch {
    return [];
  } finally {
    await hosts.close();
  }
}
