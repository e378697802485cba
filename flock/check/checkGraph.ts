import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline, inParallel, isId } from '../../core/index.js';
import { shardKey, ShardKeys, type FollowUp, type Gizzard } from '../../gizzard/index.js';
import type { Direction } from '../../wire/index.js';
import { compareKeys } from '../edgeRecord.js';
import { requireGraph, tableIdOf } from '../graphs.js';
import { jobKinds } from '../jobs/kinds.js';
import { rowTotals } from '../rowTotals.js';
import { mergeNodes, sameRegisters, untouched, visibleState } from '../nodeRegisters.js';
import { encodeSweep } from '../jobs/sweepPayload.js';
import type { EdgeRow } from '../storage/edgesTable.js';
import { checkEdge, nodeRepairs, type EdgeEnds } from './edgeCheck.js';
import { differing, fingerprint, miscount, miscounted, nearestEnd, ownRegisters, type Seen } from './compareLeaves.js';
import { LeafReads, type EdgeKey } from './leafReads.js';

export interface GraphCheckOptions {
  /** Journals jobs that repair the faults. */
  readonly repair?: boolean;
  /** How long a difference must last to count as a fault: writes in progress cause passing ones. Default 5 s. */
  readonly settleMs?: number;
  readonly onProgress?: (progress: GraphCheckProgress) => void;
  readonly signal?: AbortSignal;
}

export interface GraphCheckProgress {
  readonly rows: number;
  readonly nodes: number;
  readonly faults: number;
  /** The sum of `rows` and `nodes`, as counted at the start. */
  readonly total: number;
}

export interface GraphFault {
  /** A `stray` is in a shard that its key does not lead to. */
  readonly kind: 'edge' | 'counters' | 'node' | 'stray';
  readonly direction: Direction;
  /** The node, as the source of rows in that direction. */
  readonly id: bigint;
  /** The edge's other end; undefined if the fault is the node's. */
  readonly otherId: bigint | undefined;
  readonly details: readonly string[];
  readonly repaired: boolean;
}

export interface GraphCheckReport extends Omit<GraphCheckProgress, 'total'> {
  /** At most `faultsKept`; `faults` counts all. */
  readonly found: readonly GraphFault[];
}

const pageRows = 1_000;
const pageNodes = 500;
const stepDeadlineMs = 30_000;
const countDeadlineMs = 300_000;
const recheckEveryMs = 250;
const defaultSettleMs = 5_000;
const patience = 4;
/** Suspects rechecked concurrently, each for a while. */
const suspectsAtOnce = 64;
export const faultsKept = 10_000;

/**
 * Checks a whole graph, every replica and both directions, during writes. It compares rows between replicas and
 * between the two ends of an edge, visible states with the registers that they follow from, and counters with their
 * rows.
 * A difference is a fault once it has lasted unchanged for `settleMs`; an edge that is rewritten all the while is
 * left to the next check. Reads in bounded pages. Throws if a replica does not answer.
 */
export async function checkGraph(
  gizzard: Gizzard,
  graphId: number,
  options: GraphCheckOptions = {},
): Promise<GraphCheckReport> {
  requireGraph(gizzard.topology, graphId);
  const check = new GraphCheck(gizzard, graphId, options);
  if (options.onProgress !== undefined) await check.count();
  for (const direction of ['forward', 'backward'] as const) {
    for (const route of gizzard.topology.routes(tableIdOf(graphId, direction))) {
      const leaves = route.writable.map((leaf) => new LeafReads(gizzard, leaf, tableIdOf(graphId, direction)));
      await check.rows(direction, leaves);
      await check.nodes(direction, leaves);
    }
  }
  return check.report;
}

class GraphCheck {
  #rows = 0;
  #nodes = 0;
  #faults = 0;
  #total = 0;
  readonly #found: GraphFault[] = [];

  constructor(
    private readonly gizzard: Gizzard,
    private readonly graphId: number,
    private readonly options: GraphCheckOptions,
  ) {}

  async count(): Promise<void> {
    const deadline = Deadline.after(countDeadlineMs);
    for (const direction of ['forward', 'backward'] as const) {
      const { edges, nodeCopies } = await rowTotals(this.gizzard, this.graphId, direction, deadline);
      this.#total += edges + nodeCopies;
    }
  }

  get report(): GraphCheckReport {
    return { rows: this.#rows, nodes: this.#nodes, faults: this.#faults, found: this.#found };
  }

  /** Compares every row of every replica with its siblings and with the row at the edge's other end. */
  async rows(direction: Direction, leaves: readonly LeafReads[]): Promise<void> {
    for (let after: EdgeKey | undefined = [0n, -1n]; after !== undefined;) {
      this.options.signal?.throwIfAborted();
      const pages = await Promise.all(leaves.map((leaf) => leaf.page(after!, pageRows, this.#deadline())));
      const end = nearestEnd(pages, pageRows);
      const keys = new Map<string, EdgeRow>();
      for (const page of pages) {
        for (const row of page) {
          if (end === undefined || compareKeys(row.record, end.record) <= 0)
            keys.set(`${row.record.sourceId} ${row.record.destinationId}`, row);
        }
      }
      const strays = this.#strays(direction, leaves);
      const [here, elsewhere] = partition(
        [...keys.values()],
        ({ record }) => !strays.has(record.sourceId) && isId(record.destinationId),
      );
      for (const { record } of elsewhere)
        await this.#reportStray(direction, leaves, record.sourceId, record.destinationId);
      await this.#judgeRows(direction, leaves, pages, here);
      after = end === undefined ? undefined : [end.record.sourceId, end.record.destinationId];
    }
  }

  /** Compares every counter with the rows that it counts. */
  async nodes(direction: Direction, leaves: readonly LeafReads[]): Promise<void> {
    for (const leaf of leaves) {
      for (let after: bigint | undefined = -1n; after !== undefined;) {
        this.options.signal?.throwIfAborted();
        const found = await leaf.nodeIds(after, pageNodes, this.#deadline());
        const strays = this.#strays(direction, leaves);
        const [ids, elsewhere] = partition(found, (id) => !strays.has(id));
        for (const id of elsewhere) await this.#reportStray(direction, [leaf], id, undefined);
        await inParallel(await miscounted(leaf, ids, this.#deadline()), suspectsAtOnce, (id) =>
          this.#judgeCounters(direction, leaf, id),
        );
        if (leaf !== leaves[0])
          await inParallel(await differing(leaves[0]!, leaf, ids, this.#deadline()), suspectsAtOnce, (id) =>
            this.#judgeNode(direction, leaves[0]!, leaf, id),
          );
        this.#nodes += found.length;
        this.#progress();
        after = found.length < pageNodes ? undefined : found.at(-1);
      }
    }
  }

  /** Finds keys that lead elsewhere under the present topology, in which shards of ended migrations serve nothing. */
  #strays(direction: Direction, leaves: readonly LeafReads[]): { readonly has: (id: bigint) => boolean } {
    const { topology } = this.gizzard;
    const [first] = leaves;
    if (first === undefined || !topology.hasShard(first.leaf.shard.id)) return { has: () => false };
    const keys = new ShardKeys(topology, first.leaf.shard.id);
    return { has: (id) => keys.tableIds.includes(tableIdOf(this.graphId, direction)) && !keys.holds(id) };
  }

  async #reportStray(
    direction: Direction,
    leaves: readonly LeafReads[],
    id: bigint,
    otherId: bigint | undefined,
  ): Promise<void> {
    const noId = [id, otherId].find((end) => end !== undefined && !isId(end));
    const where = leaves.map(({ key }) => key).join(' or ');
    if (noId !== undefined) {
      const details = [`${where}: no id is ${noId}, so that a bit of the row has flipped`];
      return this.#report({ kind: 'stray', direction, id, otherId, details }, undefined);
    }
    const home = this.gizzard.topology.route(tableIdOf(this.graphId, direction), id).root;
    const details = [`stands in a shard of other keys, ${where}: it belongs to ${shardKey(home.id)}`];
    await this.#report({ kind: 'stray', direction, id, otherId, details }, undefined);
  }

  async #judgeRows(
    direction: Direction,
    leaves: readonly LeafReads[],
    pages: readonly EdgeRow[][],
    rows: readonly EdgeRow[],
  ): Promise<void> {
    const copies = new Map<string, number>();
    for (const page of pages)
      for (const row of page) copies.set(fingerprint(row), (copies.get(fingerprint(row)) ?? 0) + 1);
    const ids = [...new Set(rows.map(({ record }) => record.sourceId))];
    const [others, nodes] = await Promise.all([
      this.#otherEnds(direction, rows),
      ids.length === 0 ? undefined : leaves[0]?.nodes(ids, this.#deadline()),
    ]);
    const nodeOf = new Map(ids.map((id, place) => [id, nodes?.get(place)?.registers ?? untouched]));
    const sound = (row: EdgeRow): boolean =>
      copies.get(fingerprint(row)) === pages.length &&
      others.get(row) === ownRegisters(row) &&
      row.visible === visibleState(row.record, nodeOf.get(row.record.sourceId)!, row.record.peer);
    await inParallel(
      rows.filter((row) => !sound(row)),
      suspectsAtOnce,
      ({ record }) => this.#judgeEdge(direction, record.sourceId, record.destinationId),
    );
    this.#rows += rows.length;
    this.#progress();
  }

  /** The row at each edge's other end, from one replica. */
  async #otherEnds(direction: Direction, rows: readonly EdgeRow[]): Promise<Map<EdgeRow, string>> {
    const otherTable = tableIdOf(this.graphId, direction === 'forward' ? 'backward' : 'forward');
    const byLeaf = new Map<string, { reads: LeafReads; rows: EdgeRow[] }>();
    for (const row of rows) {
      const [leaf] = this.gizzard.topology.route(otherTable, row.record.destinationId).writable;
      if (leaf === undefined) continue;
      const group = byLeaf.get(leaf.key) ?? { reads: new LeafReads(this.gizzard, leaf, otherTable), rows: [] };
      group.rows.push(row);
      byLeaf.set(leaf.key, group);
    }
    const found = new Map<EdgeRow, string>();
    await Promise.all(
      Array.from(byLeaf.values(), async (group) => {
        const keys = group.rows.map(({ record }) => ({
          tableId: otherTable,
          sourceId: record.destinationId,
          destinationId: record.sourceId,
        }));
        const [others, nodes] = await Promise.all([
          group.reads.rows(keys, this.#deadline()),
          group.reads.nodes(
            keys.map(({ sourceId }) => sourceId),
            this.#deadline(),
          ),
        ]);
        for (const [place, row] of group.rows.entries()) {
          const other = others.get(place);
          const node = nodes.get(place)?.registers;
          const { peer } = row.record;
          const peerAgrees = sameRegisters(node ?? untouched, peer);
          if (other !== undefined && peerAgrees) found.set(row, ownRegisters(other));
        }
      }),
    );
    return found;
  }

  async #judgeEdge(direction: Direction, id: bigint, otherId: bigint): Promise<void> {
    const [sourceId, destinationId] = direction === 'forward' ? [id, otherId] : [otherId, id];
    const finding = await this.#lasting(async () => {
      const { faults, repairs, latest } = await checkEdge(
        this.#ends(sourceId, destinationId),
        sourceId,
        destinationId,
        this.#deadline(),
      );
      return faults.length === 0 ? undefined : { what: { faults, repairs }, mark: [latest, ...faults].join() };
    });
    if (finding === undefined) return;
    await this.#report({ kind: 'edge', direction, id, otherId, details: finding.faults }, finding.repairs);
  }

  async #judgeCounters(direction: Direction, leaf: LeafReads, id: bigint): Promise<void> {
    const tableId = tableIdOf(this.graphId, direction);
    const details = await this.#lasting(() => miscount(leaf, id, this.#deadline()));
    if (details === undefined) return;
    await this.#report({ kind: 'counters', direction, id, otherId: undefined, details: [details] }, [
      { kind: jobKinds.recount, payload: encodeSweep({ tableId, id, after: undefined }), leaves: [leaf.key] },
    ]);
  }

  async #judgeNode(direction: Direction, a: LeafReads, b: LeafReads, id: bigint): Promise<void> {
    const rows = await this.#lasting(async () => {
      const both = await Promise.all(
        [a, b].map(async (leaf) => (await leaf.nodes([id], this.#deadline())).get(0)?.registers ?? untouched),
      );
      return sameRegisters(both[0]!, both[1]!)
        ? undefined
        : { what: both, mark: both.map((node) => Object.values(node).join()).join(' ') };
    });
    if (rows === undefined) return;
    const details = [`${a.key} and ${b.key}: they know of different mass operations`];
    await this.#report(
      { kind: 'node', direction, id, otherId: undefined, details },
      nodeRepairs(tableIdOf(this.graphId, direction), id, rows.reduce(mergeNodes, untouched)),
    );
  }

  /**
   * Looks again until a difference is gone, as those of writes in progress are, or has stayed the same for
   * `settleMs`. One that keeps changing comes from continuous writes; after `patience` times as long it is left to
   * the next check.
   */
  async #lasting<T>(look: () => Promise<Seen<T> | undefined>): Promise<T | undefined> {
    const settleMs = this.options.settleMs ?? defaultSettleMs;
    const given = Deadline.after(settleMs * patience);
    let mark: string | undefined;
    let settled = Deadline.after(settleMs);
    for (;;) {
      const seen = await look();
      if (seen === undefined) return undefined;
      if (seen.mark !== mark) {
        if (given.passed) return undefined;
        mark = seen.mark;
        settled = Deadline.after(settleMs);
      } else if (settled.passed) return seen.what;
      await sleep(Math.min(recheckEveryMs, settled.remainingMs()));
    }
  }

  /** Without `repairs` no job could mend it. */
  async #report(fault: Omit<GraphFault, 'repaired'>, repairs: readonly FollowUp[] | undefined): Promise<void> {
    const repaired = this.options.repair === true && repairs !== undefined;
    if (repaired) await this.gizzard.jobs.journal.enqueue('low', repairs);
    this.#faults++;
    if (this.#found.length < faultsKept) this.#found.push({ ...fault, repaired });
    this.#progress();
  }

  #ends(sourceId: bigint, destinationId: bigint): EdgeEnds {
    const end = (direction: Direction, id: bigint): EdgeEnds['forward'] => {
      const tableId = tableIdOf(this.graphId, direction);
      return {
        tableId,
        leaves: this.gizzard.topology
          .route(tableId, id)
          .writable.map((leaf) => new LeafReads(this.gizzard, leaf, tableId)),
      };
    };
    return { forward: end('forward', sourceId), backward: end('backward', destinationId) };
  }

  #progress(): void {
    this.options.onProgress?.({
      rows: this.#rows,
      nodes: this.#nodes,
      faults: this.#faults,
      total: this.#total,
    });
  }

  #deadline(): Deadline {
    return Deadline.after(stepDeadlineMs);
  }
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  const parts: [T[], T[]] = [[], []];
  for (const item of items) parts[isFirst(item) ? 0 : 1].push(item);
  return parts;
}
