import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { Deadline } from '../../core/index.js';
import type { Direction, EdgeState, Flock, Operation } from '../../flock/index.js';
import { shardKey } from '../../gizzard/index.js';

const operations: readonly Operation[] = ['add', 'add', 'add', 'archive', 'remove', 'negate'];
const stateOf: Readonly<Record<Operation, EdgeState>> = { add: 'normal', archive: 'archived', remove: 'removed', negate: 'negative' };
const batch = 25;

/** A generator whose numbers a seed gives again (mulberry32). */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/**
 * Reads and writes of one graph that go on while something is done to the cluster. Everything that was acknowledged is remembered,
 * and must be read back at once, and found in the end.
 */
export class LiveLoad {
  /** What each edge, `source,destination`, was last acknowledged to be. */
  readonly acknowledged = new Map<string, EdgeState>();
  readonly failures: string[] = [];
  reads = 0;
  writes = 0;
  #stopped = false;
  #base = 0n;
  #running: Promise<void>[] = [];
  readonly #random: (below: number) => number;

  constructor(
    /** Asked for each request: a server may be replaced. */
    private readonly flock: () => Flock,
    private readonly graphId: number,
    seed: number,
    /** Whether a write that fails may be tried again, as when servers are killed. */
    private readonly forgiving = false,
  ) {
    this.#random = seededRandom(seed);
  }

  /** Takes edges of its own, so that loads of the same graph, one after another, do not meet. */
  startAt(number: number): void {
    this.#base = BigInt(number) * 10_000_000n;
  }

  /** Writes so many edges before the load begins. */
  async fill(edges: number): Promise<void> {
    for (let at = 0; at < edges; at += 500) {
      await this.#write(Array.from({ length: Math.min(500, edges - at) }, (_, i) => ({ source: this.#base + BigInt((at + i) % 97), destination: this.#base + BigInt(at + i), operation: 'add' as const })));
    }
  }

  start(): void {
    // Each writer has edges of its own, so that what it last wrote of one is what counts.
    this.#running = [this.#writer(1_000_000n), this.#writer(2_000_000n), this.#reader()];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  /** Holds the graph against what was acknowledged: every edge from both ends, every count, and every replica. */
  async check(): Promise<void> {
    expect(this.failures).toEqual([]);
    expect(this.writes).toBeGreaterThan(0);
    const flock = this.flock();
    await this.#applied(flock);
    const edges = [...this.acknowledged].map(([key, state]) => {
      const [source = '', destination = ''] = key.split(',');
      return { source: BigInt(source), destination: BigInt(destination), state };
    });
    for (let at = 0; at < edges.length; at += 2_000) {
      const part = edges.slice(at, at + 2_000);
      const states = await flock.states(this.graphId, BigInt64Array.from(part, (edge) => edge.source), BigInt64Array.from(part, (edge) => edge.destination));
      expect(part.filter((edge, i) => edge.state !== states[i]).map((edge, i) => ({ ...edge, found: states[i] }))).toEqual([]);
    }
    await this.#checkCounts(flock, 'forward', edges.map(({ source, state }) => [source, state]));
    await this.#checkCounts(flock, 'backward', edges.map(({ destination, state }) => [destination, state]));
    await this.#checkReplicas(flock);
  }

  async #checkCounts(flock: Flock, direction: Direction, ends: readonly (readonly [bigint, EdgeState])[]): Promise<void> {
    const wanted = new Map<bigint, Record<EdgeState, bigint>>();
    for (const [id, state] of ends) {
      const counts = wanted.get(id) ?? { normal: 0n, negative: 0n, archived: 0n, removed: 0n };
      counts[state]++;
      wanted.set(id, counts);
    }
    const ids = [...wanted.keys()];
    for (let at = 0; at < ids.length; at += 2_000) {
      const part = BigInt64Array.from(ids.slice(at, at + 2_000));
      const found = await flock.counts(this.graphId, direction, part);
      const wrong = [...part].map((id, i) => ({ id, wanted: wanted.get(id)!, found: found[i]! })).filter((one) => JSON.stringify(texts(one.wanted)) !== JSON.stringify(texts(one.found)));
      expect(wrong).toEqual([]);
    }
  }

  async #checkReplicas(flock: Flock): Promise<void> {
    await flock.gizzard.nameServer.reload();
    const { topology, moves } = flock.gizzard;
    for (const tableId of [this.graphId, -this.graphId]) {
      for (const route of topology.routes(tableId)) {
        const written = route.leaves.filter((leaf) => leaf.write === 'allow');
        if (written.length < 2) continue;
        const task = await moves.finished(await moves.request('diff', written.map((leaf) => leaf.shard.id)), new AbortController().signal);
        expect(task.differences, `replicas below ${shardKey(route.root.id)}`).toEqual([]);
      }
    }
  }

  async #applied(flock: Flock): Promise<void> {
    const deadline = Deadline.after(60_000);
    for (;;) {
      const { queued, failing, bad } = await flock.journal();
      expect(bad).toBe(0);
      if (queued.high + queued.medium + queued.low + failing === 0) return;
      deadline.check('applying what the journal holds');
      await sleep(50);
    }
  }

  async #writer(base: bigint): Promise<void> {
    let fresh = 0;
    while (!this.#stopped) {
      const edges = new Map<string, { source: bigint; destination: bigint; operation: Operation }>();
      for (let i = 0; i < batch; i++) {
        const known = fresh > 50 && this.#random(3) === 0;
        const number = known ? this.#random(fresh) : fresh++;
        // New edges are added, so that a reader may expect to find them.
        const operation = known ? operations[this.#random(operations.length)]! : 'add';
        edges.set(String(number), { source: this.#base + BigInt(number % 97), destination: this.#base + base + BigInt(number), operation });
      }
      await this.#write([...edges.values()]);
      await sleep(this.#random(10));
    }
  }

  async #write(edges: readonly { readonly source: bigint; readonly destination: bigint; readonly operation: Operation }[]): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await this.flock().write(
          {
            graphId: this.graphId,
            operations: edges.map((edge) => edge.operation),
            sourceIds: BigInt64Array.from(edges, (edge) => edge.source),
            destinationIds: BigInt64Array.from(edges, (edge) => edge.destination),
          },
          { acknowledgement: 'materialized', deadlineMs: 20_000 },
        );
        break;
      } catch (error) {
        if (!this.forgiving || attempt > 200) {
          this.failures.push(`write: ${String(error)}`);
          return;
        }
        await sleep(50);
      }
    }
    this.writes++;
    for (const { source, destination, operation } of edges) this.acknowledged.set(`${source},${destination}`, stateOf[operation]);
  }

  async #reader(): Promise<void> {
    while (!this.#stopped) {
      const keys = [...this.acknowledged.keys()];
      const picked = Array.from({ length: 20 }, () => keys[this.#random(keys.length)]!.split(',').map(BigInt) as [bigint, bigint]);
      try {
        const flock = this.flock();
        const states = await flock.states(this.graphId, BigInt64Array.from(picked, ([source]) => source), BigInt64Array.from(picked, ([, destination]) => destination));
        for (const [i, state] of states.entries()) if (state === undefined) this.failures.push(`read: the edge ${picked[i]!.join(' → ')} was acknowledged and is not there`);
        const page = await flock.select({ kind: 'term', term: { graphId: this.graphId, sourceId: this.#base + BigInt(this.#random(97)), direction: 'forward', states: ['normal'] } }, { count: 50, cursor: -1n });
        if (page.ids.length === 0) this.failures.push('read: a page is empty');
        this.reads++;
      } catch (error) {
        if (!this.forgiving) this.failures.push(`read: ${String(error)}`);
      }
      await sleep(2);
    }
  }
}

const texts = (counts: Readonly<Record<EdgeState, bigint>>): string[] => ['normal', 'negative', 'archived', 'removed'].map((state) => String(counts[state as EdgeState]));
