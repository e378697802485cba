import type { Topology } from '../topology/topology.js';
import { shardKey, type ShardId } from '../topology/types.js';

/** Names that no shard has or had; each is given out once. */
export class ShardNames {
  readonly #taken: Set<string>;

  constructor(topology: Topology, spent: ReadonlySet<string>) {
    this.#taken = new Set([...spent, ...topology.state.shards.map((shard) => shardKey(shard.id))]);
  }

  free(id: ShardId): ShardId {
    return { ...id, tablePrefix: this.freeEverywhere(id.tablePrefix, [id.hostname]) };
  }

  /** A prefix that is free on all of the hosts. */
  freeEverywhere(prefix: string, hosts: readonly string[]): string {
    for (let generation = 1; ; generation++) {
      const candidate = generation === 1 ? prefix : `${prefix}_v${generation}`;
      const keysOf = hosts.map((hostname) => shardKey({ hostname, tablePrefix: candidate }));
      if (keysOf.some((key) => this.#taken.has(key))) continue;
      for (const key of keysOf) this.#taken.add(key);
      return candidate;
    }
  }
}
