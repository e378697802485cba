import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { Deadline } from '../../core/index.js';
import {
  edgeStates,
  type Acknowledgment,
  type Direction,
  type EdgeState,
  type Flock,
  type Operation,
} from '../../flock/index.js';
import { shardKey } from '../../gizzard/index.js';
import type { LiveGraph, LiveWrite, Pair } from './liveGraph.js';
import { seededRandom } from './seededRandom.js';

const operations: readonly Operation[] = ['add', 'add', 'add', 'archive', 'remove', 'negate'];
const stateOf: Readonly<Record<Operation, EdgeState>> = {
  add: 'normal',
  archive: 'archived',
  remove: 'removed',
  negate: 'negative',
};
const batch = 25;
const sourcesCount = 97;
const retryAfterMs = 50;
/** Killed processes are back long before this. */
const giveUpAfterMs = 60_000;
const never = new AbortController().signal;

export interface LiveLoadOptions {
  /** Whether the path of a write may be killed: the write is then repeated until it is acknowledged. */
  readonly patient?: boolean;
  /** Whether a read that fails now had no server left to answer it. Absent: no read may fail. */
  readonly readsMayFail?: () => boolean;
  /**
   * Whether replicas may lack what is written now, since their host is away or has just come back. A write is then
   * acknowledged for the replicas that have it. Absent: none may.
   */
  readonly replicasMayLag?: () => boolean;
}

/**
 * Reads and writes of one graph that continue while the cluster is changed. The load remembers every acknowledged
 * write. The write must be read back at once if its writer waited for that, and be found at the end.
 */
export class LiveLoad {
  /** The last acknowledged state of each edge, `source,destination`. */
  readonly #acknowledged = new Map<string, EdgeState>();
  /** Those edges that every read must show. */
  readonly #visible: Pair[] = [];
  readonly failures: string[] = [];
  #reads = 0;
  #writes = 0;
  #stopped = false;
  #running: Promise<void>[] = [];
  readonly #random: (below: number) => number;

  constructor(
    private readonly graph: LiveGraph,
    seed: number,
    private readonly options: LiveLoadOptions = {},
  ) {
    this.#random = seededRandom(seed);
  }

  /** Writes so many edges before the load starts. */
  async fill(edges: number): Promise<void> {
    for (let at = 0; at < edges; at += 500) {
      await this.#write(
        Array.from({ length: Math.min(500, edges - at) }, (_, i) => ({
          source: BigInt((at + i) % sourcesCount),
          destination: BigInt(at + i),
          operation: 'add' as const,
        })),
        'materialized',
      );
    }
  }

  start(): void {
    // Each writer has its own edges, so that its last write to an edge is the one that counts.
    this.#running = [this.#writer(1_000_000n, 'materialized'), this.#writer(2_000_000n, 'journaled'), this.#reader()];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  /** Compares the graph with what was acknowledged: every edge, every count from both ends, and every replica. */
  async check(flock: Flock, graphId: number): Promise<void> {
    await this.#applied(flock);
    expect(this.failures).toEqual([]);
    expect(this.#writes).toBeGreaterThan(0);
    expect(this.#reads).toBeGreaterThan(0);
    const edges = [...this.#acknowledged].map(([key, state]) => {
      const [source = '', destination = ''] = key.split(',');
      return { source: BigInt(source), destination: BigInt(destination), state };
    });
    for (let at = 0; at < edges.length; at += 2_000) {
      const part = edges.slice(at, at + 2_000);
      const states = await this.graph.states(part.map(({ source, destination }): Pair => [source, destination]));
      expect(
        part.filter((edge, i) => edge.state !== states[i]).map((edge, i) => ({ ...edge, found: states[i] })),
      ).toEqual([]);
    }
    await this.#checkCounts(
      'forward',
      edges.map(({ source, state }) => [source, state]),
    );
    await this.#checkCounts(
      'backward',
      edges.map(({ destination, state }) => [destination, state]),
    );
    await this.#checkReplicas(flock, graphId);
  }

  async #checkCounts(direction: Direction, ends: readonly (readonly [bigint, EdgeState])[]): Promise<void> {
    const wanted = new Map<bigint, Record<EdgeState, bigint>>();
    for (const [id, state] of ends) {
      const counts = wanted.get(id) ?? { normal: 0n, negative: 0n, archived: 0n, removed: 0n };
      counts[state]++;
      wanted.set(id, counts);
    }
    const ids = [...wanted.keys()];
    for (let at = 0; at < ids.length; at += 2_000) {
      const part = ids.slice(at, at + 2_000);
      const found = await this.graph.counts(direction, part);
      const wrong = part
        .map((id, i) => ({ id, wanted: wanted.get(id)!, found: found[i]! }))
        .filter((one) => edgeStates.some((state) => one.wanted[state] !== one.found[state]));
      expect(wrong).toEqual([]);
    }
  }

  async #checkReplicas(flock: Flock, graphId: number): Promise<void> {
    await flock.gizzard.nameServer.reload();
    const { topology, moves } = flock.gizzard;
    const routes = [graphId, -graphId].flatMap((tableId) => topology.routes(tableId));
    await Promise.all(
      routes.map(async (route) => {
        const written = route.leaves.filter((leaf) => leaf.write === 'allow').map((leaf) => leaf.shard.id);
        if (written.length < 2) return;
        const { differences } = await moves.finished(await moves.request('diff', written), never);
        expect(differences, `replicas below ${shardKey(route.root.id)}`).toEqual([]);
      }),
    );
  }

  async #applied(flock: Flock): Promise<void> {
    const deadline = Deadline.after(giveUpAfterMs);
    for (;;) {
      const { queued, failing, bad } = await flock.journal();
      expect(bad).toBe(0);
      if (queued.high + queued.medium + queued.low + failing === 0) return;
      deadline.check('applying what the journal holds');
      await sleep(retryAfterMs);
    }
  }

  async #writer(base: bigint, acknowledgment: Acknowledgment): Promise<void> {
    let fresh = 0;
    while (!this.#stopped) {
      const edges = new Map<number, LiveWrite>();
      for (let i = 0; i < batch; i++) {
        const known = fresh > 50 && this.#random(3) === 0;
        const number = known ? this.#random(fresh) : fresh++;
        // New edges are added, so that a reader may expect to find them.
        const operation = known ? operations[this.#random(operations.length)]! : 'add';
        edges.set(number, { source: BigInt(number % sourcesCount), destination: base + BigInt(number), operation });
      }
      await this.#write([...edges.values()], acknowledgment);
      await sleep(this.#random(60));
    }
  }

  async #write(edges: readonly LiveWrite[], acknowledgment: Acknowledgment): Promise<void> {
    const deadline = Deadline.after(giveUpAfterMs);
    for (;;) {
      try {
        await this.graph.write(edges, acknowledgment);
        break;
      } catch (error) {
        if (this.options.patient !== true || deadline.passed) {
          this.failures.push(`write: ${String(error)}`);
          return;
        }
        await sleep(retryAfterMs);
      }
    }
    this.#writes++;
    const shown = acknowledgment === 'materialized' && this.options.replicasMayLag?.() !== true;
    for (const { source, destination, operation } of edges) {
      const key = `${source},${destination}`;
      if (shown && !this.#acknowledged.has(key)) this.#visible.push([source, destination]);
      this.#acknowledged.set(key, stateOf[operation]);
    }
  }

  async #reader(): Promise<void> {
    while (!this.#stopped) {
      const picked = Array.from({ length: 20 }, () => this.#visible[this.#random(this.#visible.length)]!);
      try {
        const states = await this.graph.states(picked);
        for (const [i, state] of states.entries())
          if (state === undefined)
            this.failures.push(`read: the edge ${picked[i]!.join(' → ')} was acknowledged and is not there`);
        if ((await this.graph.page(BigInt(this.#random(sourcesCount)))).length === 0)
          this.failures.push('read: a page is empty');
        this.#reads++;
      } catch (error) {
        if (this.options.readsMayFail?.() !== true) this.failures.push(`read: ${String(error)}`);
      }
      await sleep(15);
    }
  }
}
