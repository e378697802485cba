import { defineStore } from '../../cluster/index.js';
import { Deadline } from '../../core/index.js';
import type { Change, Gizzard, ShardId, ShardInfo } from '../../gizzard/index.js';
import type { RedisConfig } from '../../process/index.js';
import { RedisHosts, type RedisHost } from './redisHosts.js';
import { readWord, wordJob, wordJobType, wordShardType, wordsOf, wordsTableId, type Word } from './wordShards.js';

const deadline = (): Deadline => Deadline.after(10_000);
/** Keys from here on belong to the second of two shards. */
export const secondShard = 1_000n;

export const shardOf = (hostname: string, tablePrefix: string, type: string): ShardInfo => ({
  id: { hostname, tablePrefix },
  type,
  attributes: {},
  busy: 'normal',
});

/** Words by key, in Redis hashes. */
export class Words {
  constructor(
    readonly gizzard: Gizzard,
    readonly hosts: RedisHosts,
  ) {}

  /** Sets up two shards, each on all of the hosts. */
  async setup(hosts: readonly string[]): Promise<void> {
    const shards = [
      ['words_1', 0n],
      ['words_2', secondShard],
    ] as const;
    await this.gizzard.apply([
      { kind: 'createTable', table: { tableId: wordsTableId, name: 'words', service: 'words', hash: 'identity' } },
      ...shards.flatMap(([prefix, baseId]): Change[] => {
        const root = shardOf('localhost', `${prefix}_root`, 'replicating');
        return [
          { kind: 'createShard', shard: root },
          ...hosts.flatMap((host): Change[] => {
            const leaf = shardOf(host, prefix, 'words');
            return [
              { kind: 'createShard', shard: leaf },
              { kind: 'addLink', link: { parent: root.id, child: leaf.id, weight: 1 } },
            ];
          }),
          { kind: 'setForwarding', forwarding: { tableId: wordsTableId, baseId, shard: root.id } },
        ];
      }),
    ]);
  }

  /** Resolves when the word is applied on a replica that is read, and on each replica that takes it. */
  put(key: bigint, text: string): Promise<void> {
    return this.gizzard.jobs.append([wordJob(key, text)], {
      priority: 'high',
      waitUntilApplied: true,
      deadline: deadline(),
    });
  }

  get(key: bigint): Promise<string | undefined> {
    const { topology, config } = this.gizzard;
    return this.gizzard.read(topology.route(wordsTableId, key), deadline(), (host: RedisHost, { shard }, left) =>
      readWord(host, config.cluster, shard, key, left),
    );
  }

  /** Returns the words that one leaf holds. */
  leaf(id: ShardId): Promise<Word[]> {
    const { topology, config } = this.gizzard;
    return wordsOf(this.hosts.host(id.hostname), config.cluster, topology.shard(id), deadline());
  }
}

/** The hosts are the store's own part of a configuration. */
export const wordsStore = (redis: Readonly<Record<string, RedisConfig>>) =>
  defineStore({
    name: 'words',
    open: ({ gizzard, config }) => new Words(gizzard, new RedisHosts(config.cluster, redis)),
    backends: ({ hosts }) => [hosts],
    shardTypes: (_, { config }) => [wordShardType(config.cluster)],
    jobTypes: (_, { config }) => [wordJobType(config.cluster)],
  });
