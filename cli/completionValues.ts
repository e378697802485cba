import { Deadline } from '../core/index.js';
import { graphsOf } from '../flock/index.js';
import { NameServer, shardKey } from '../gizzard/index.js';
import { DatabaseHosts } from '../mysql/index.js';
import { Metrics, silentLog, type RoostConfig } from '../process/index.js';

/** What the argument of a command, or the value of an option, names. */
export const valueKinds = ['graph', 'host', 'shard'] as const;
export type ValueKind = (typeof valueKinds)[number];

/** A completion that takes longer is slower than typing the word. */
const deadlineMs = 2_000;
const maxValues = 200;

/**
 * The words of a kind that start with `prefix`, `maxValues` at most; none if the cluster does not answer in time.
 * Never throws.
 */
export async function completionValues(kind: ValueKind, prefix: string, config: RoostConfig): Promise<string[]> {
  const begins = (word: string): boolean => word.startsWith(prefix);
  if (kind === 'host') return Object.keys(config.databaseHosts).filter(begins);
  const hosts = new DatabaseHosts(config, silentLog, new Metrics());
  try {
    const nameServer = NameServer.open(hosts, config.nameServer, config.cluster, silentLog);
    await Deadline.after(deadlineMs).race(nameServer.reload(), 'reading the topology');
    const { topology } = nameServer;
    const words =
      kind === 'graph'
        ? graphsOf(topology).map(({ name }) => name)
        : topology.state.shards.map(({ id }) => shardKey(id));
    return words.filter(begins).sort().slice(0, maxValues);
  } catch {
    return [];
  } finally {
    await hosts.close();
  }
}
