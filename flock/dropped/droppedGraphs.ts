import { Deadline, RoostError } from '../../core/index.js';
import { shardKey, type DroppedShard, type Gizzard, type ShardInfo } from '../../gizzard/index.js';
import type { GraphInfo } from '../../wire/index.js';
import { findGraph } from '../graphs.js';
import { DroppedGraphStore, type DroppedGraph } from './droppedGraphStore.js';
import { droppedService, leavesOf, planGraphDrop, planGraphUndrop, type GraphDrop } from './planGraphDrop.js';

const dayMs = 86_400_000;
/** How long servers may go on with the previous topology; their tables stay until then. */
const waitForServersMs = 60_000;
const tableDeadlineMs = 30_000;

/** A drop, as it is shown before it is made. */
export interface PlannedGraphDrop extends Omit<GraphDrop, 'changes' | 'tree'> {
  readonly graph: GraphInfo;
  /** Absent if the graph has left the topology already, and an earlier attempt left some of its tables in place. */
  readonly drop?: GraphDrop & { readonly version: number };
}

/** Drops graphs, and brings them back while their tables are kept (`moves.undropDays`). */
export class DroppedGraphs {
  readonly #store: DroppedGraphStore;

  constructor(private readonly gizzard: Gizzard) {
    this.#store = new DroppedGraphStore(gizzard.control);
  }

  /** Graphs that can be brought back, newest first. */
  async list(): Promise<DroppedGraph[]> {
    const { tables } = this.gizzard.topology;
    return (await this.#store.list()).filter(({ id }) =>
      tables.some(({ tableId, service }) => tableId === id && service === droppedService),
    );
  }

  /**
   * Plans a drop. Throws `NotFound`, and `FailedPrecondition` while a migration or copy works on the graph's shards.
   */
  async plan(name: string): Promise<PlannedGraphDrop> {
    const { nameServer, migrations, moves } = this.gizzard;
    await nameServer.reload();
    const { topology } = nameServer;
    const begun = topology.tables.some((table) => table.name === name && table.service === 'flock')
      ? undefined
      : (await this.list()).find((one) => one.name === name);
    if (begun !== undefined) {
      const leaves = await this.#holding(leavesOf(begun.tree));
      if (leaves.length === 0)
        throw new RoostError(
          'NotFound',
          `graph ${name} is dropped already: \`roost graph undrop ${name}\` brings it back`,
          { fields: { graph: name } },
        );
      return { graph: begun, leaves };
    }
    const graph = findGraph(topology, name);
    const drop = planGraphDrop(topology, graph);
    const [reserved, inWork] = await Promise.all([migrations.reservations(), moves.inWork()]);
    for (const change of drop.changes) {
      if (change.kind !== 'deleteShard') continue;
      const shard = shardKey(change.id);
      const migration = reserved.get(shard);
      if (migration !== undefined)
        throw busy(
          name,
          `shard ${shard} is in migration ${migration}: \`roost migrations cleanup ${migration}\` or \`roost migrations rollback ${migration}\` comes first`,
          shard,
        );
      const move = inWork.get(shard);
      if (move !== undefined)
        throw busy(name, `move ${move} works with shard ${shard}: \`roost shard cancel ${move}\` stops it`, shard);
    }
    return { graph, leaves: drop.leaves, drop: { ...drop, version: topology.version } };
  }

  /**
   * Drops a graph: removes it from the topology in one change, and renames its tables once no server works with the
   * previous topology. Jobs that still wait for it have no effect. Repeating it after a failure continues. Returns
   * the tables set aside.
   *
   * Throws `FailedPrecondition`, with nothing changed, if the topology has changed since the plan; and `Unavailable`
   * if a server or host does not answer, in which case the graph has left the topology.
   */
  async drop({ graph, leaves, drop }: PlannedGraphDrop, by: string): Promise<DroppedShard[]> {
    const { gizzard } = this;
    const keepMs = gizzard.config.moves.undropDays * dayMs;
    if (drop !== undefined) {
      // Recorded before the topology forgets it.
      await this.#store.add({ ...graph, tree: drop.tree }, keepMs);
      await gizzard.apply(drop.changes, by, drop.version);
    }
    await gizzard.servers.allHold(gizzard.topology.version, AbortSignal.timeout(waitForServersMs));
    // From here on no shard gets these names, however long this process takes.
    await gizzard.nameServer.spend(
      leaves.map(({ id }) => id),
      by,
    );
    const aside: DroppedShard[] = [];
    for (const shard of leaves) {
      const dropped = await gizzard.dropped.setAside(shard, {
        why: `graph ${graph.name} was dropped: roost graph undrop ${graph.name}`,
        keepMs,
      });
      if (dropped !== undefined) aside.push(dropped);
    }
    return aside;
  }

  /**
   * Brings back a dropped graph: the newest of that name, or the one with a given number. First its tables, then its
   * topology; writes made in between are not in it. Repeating it after a failure continues. Throws `NotFound` if
   * there is none or some of its tables are deleted for good, and as `planGraphUndrop`.
   */
  async undrop(name: string, by: string, id?: number): Promise<GraphInfo> {
    const { gizzard } = this;
    await gizzard.nameServer.reload();
    const graph = (await this.list()).find((one) => one.name === name && (id === undefined || one.id === id));
    if (graph === undefined)
      throw new RoostError(
        'NotFound',
        `no dropped graph ${JSON.stringify(name)} is kept; \`roost graph list\` shows those that are`,
        { fields: { graph: name } },
      );
    const changes = planGraphUndrop(gizzard.topology, graph, graph.tree);
    const leaves = leavesOf(graph.tree);
    const holding = new Set((await this.#holding(leaves)).map(({ id }) => shardKey(id)));
    const aside = await this.#aside(
      leaves.filter(({ id }) => !holding.has(shardKey(id))),
      name,
    );
    for (const one of aside) await gizzard.dropped.bringBack(one);
    await gizzard.nameServer.revive(
      leaves.map(({ id }) => id),
      by,
    );
    await gizzard.apply(changes, by);
    await this.#store.remove(graph.id);
    return { id: graph.id, name };
  }

  /** The set-aside tables of some shards. */
  async #aside(leaves: readonly ShardInfo[], name: string): Promise<DroppedShard[]> {
    const kept = new Map<string, DroppedShard>();
    for (const hostname of new Set(leaves.map(({ id }) => id.hostname))) {
      for (const one of await this.gizzard.dropped.list(hostname))
        if (!kept.has(shardKey(one.shard.id))) kept.set(shardKey(one.shard.id), one);
    }
    return leaves.map(({ id }) => {
      const found = kept.get(shardKey(id));
      if (found === undefined)
        throw new RoostError(
          'NotFound',
          `graph ${name} cannot be brought back: the tables of shard ${shardKey(id)} are deleted for good`,
          { fields: { graph: name, shard: shardKey(id) } },
        );
      return found;
    });
  }

  /** The shards whose tables are still in place. */
  async #holding(leaves: readonly ShardInfo[]): Promise<ShardInfo[]> {
    const { hosts, moves } = this.gizzard;
    const held = await Promise.all(
      leaves.map(async (shard) => {
        const movable = moves.movableType(shard.type);
        return movable.holds(hosts.host(shard.id.hostname), shard, Deadline.after(tableDeadlineMs));
      }),
    );
    return leaves.filter((_, i) => held[i]);
  }
}

const busy = (graph: string, why: string, shard: string): RoostError =>
  new RoostError('FailedPrecondition', `graph ${graph} cannot be dropped: ${why}`, { fields: { graph, shard } });
