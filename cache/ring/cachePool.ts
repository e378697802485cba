import type { ConnectionOptions } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { appendTo, BackgroundLoop, Backoff, Deadline, RoostError } from '../../core/index.js';
import type { Log } from '../../process/index.js';
import type { CacheMetrics } from '../cacheMetrics.js';
import { CacheNode } from './cacheNode.js';
import { entryName } from './entryName.js';
import { serves, type NodeState } from './nodeState.js';
import { Placement } from './placement.js';
import { opcodes } from './protocol.js';
import { RingRegister, type RegisterView } from './ringRegister.js';

/**
 * How often a process reads the register, and how long it trusts what it read. A writer that changed the register
 * waits this long before it answers.
 */
const lookEveryMs = 250;
export const viewLeaseMs = 1_500;
/** Time for a write's commands. Longer than for reads, because a node that misses it is ejected for everybody. */
const writeDeadlineMs = 100;
const writePatienceMs = 300;
/** Leaves time to eject an entry's node, and its successor as well, during a write. */
const writeLimitMs = 4_000;
/** How long to wait before an ejected node is probed: at first, and at most. */
const firstProbeMs = 500;
const maxProbeMs = 30_000;
/** A node that stays in for this long counts as healthy again. */
const wellAfterMs = 60_000;

export interface CachePoolOptions {
  /** Tells the pools of a cluster apart. */
  readonly name: string;
  /** The prefix of all entry names. */
  readonly cluster: string;
  /** host:port and weight (an integer from 1) of each node. */
  readonly nodes: ReadonlyMap<string, number>;
  /** Nodes that replace ejected ones. Empty: the remaining nodes do. */
  readonly gutter: readonly string[];
  /** How long a read waits for a node. */
  readonly deadlineMs: number;
  /** Lifetime of entries on the gutter. */
  readonly gutterTtlSeconds: number;
  /** How long a new node may take entries from the nodes that held its keys before. */
  readonly warmSeconds: number;
  /** Larger values are not stored. */
  readonly maxValueBytes: number;
  /**
   * For tools that look: adds no node to the register and ejects none, whatever the configuration says and however
   * slow a node is.
   */
  readonly onlooker?: boolean;
  /** Creates the TLS options of each connection. Absent: no encryption. */
  readonly tls?: () => ConnectionOptions;
}

const damagedSaidEveryMs = 60_000;

/** The place of an entry, for this process. */
export interface Target {
  readonly node: CacheNode;
  readonly name: string;
  readonly gutter: boolean;
  readonly previous?: { readonly node: CacheNode; readonly name: string; readonly take: boolean } | undefined;
}

interface Probe {
  atMs: number;
  readonly backoff: Backoff;
  inSinceMs: number;
}

/** memcached nodes that share the keys, and the register that says which node holds which. */
export class CachePool {
  readonly register: RingRegister;
  readonly #nodes = new Map<string, CacheNode>();
  readonly #probes = new Map<string, Probe>();
  readonly #damagedSaidMs = new WeakMap<CacheNode, number>();
  #placement = new Placement(new Map());
  #version = '';
  #believedUntilMs = 0;
  readonly #watching = new BackgroundLoop(() => this.#watch(), {
    everyMs: lookEveryMs,
    startAfterMs: lookEveryMs,
    onError: (error) => this.log.debug({ err: error }, 'the register of the cache nodes could not be read'),
  });

  constructor(
    readonly options: CachePoolOptions,
    redis: Redis,
    readonly metrics: CacheMetrics,
    private readonly log: Log,
  ) {
    metrics.ejections.inc({ pool: options.name }, 0);
    this.register = new RingRegister(redis, `${options.cluster}:cache:${options.name}`);
  }

  /** Adds the configured nodes to the register. Every read misses until the register has been read. */
  async start(): Promise<void> {
    if (this.options.onlooker === true) await this.look();
    else await this.#enter(await this.register.look());
    this.#watching.start();
  }

  /** The placement of keys; undefined while this process has not read the register for too long. */
  get placement(): Placement | undefined {
    return performance.now() < this.#believedUntilMs ? this.#placement : undefined;
  }

  /** Logs a node that returned an entry with a wrong checksum, once a minute each. */
  foundDamaged(cache: string, { node, name }: Target): void {
    const nowMs = performance.now();
    if (nowMs < (this.#damagedSaidMs.get(node) ?? -Infinity) + damagedSaidEveryMs) return;
    this.#damagedSaidMs.set(node, nowMs);
    this.log.warn(
      { node: node.name, pool: this.options.name, cache, entry: name },
      'a cache node returned an entry with a wrong checksum; the read counts as a miss',
    );
  }

  get nodes(): ReadonlyMap<string, NodeState> {
    return this.#placement.nodes;
  }

  node(name: string): CacheNode {
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = new CacheNode(name, (suspect, why) => void this.#suspected(suspect, why), this.options.tls);
      this.#nodes.set(name, node);
    }
    return node;
  }

  target(placement: Placement, namespace: string, key: string): Target | undefined {
    const place = placement.place(`${namespace}:${key}`);
    if (place === undefined) return undefined;
    const { node, tag, gutter, previous } = place;
    return {
      node: this.node(node),
      name: this.name(namespace, tag, key),
      gutter,
      previous: previous && {
        node: this.node(previous.node),
        name: this.name(namespace, previous.tag, key),
        take: previous.take,
      },
    };
  }

  name(namespace: string, tag: string, key: string): string {
    return entryName(`${this.options.cluster}:${namespace}:${tag}:`, key);
  }

  /** Reads the register as of this call. Throws `Unavailable`. */
  async look(): Promise<RegisterView> {
    const startMs = performance.now();
    const view = await this.register.look();
    // Reads are sequential, and so are their results.
    if (view.version !== this.#version) this.#placement = new Placement(view.nodes);
    this.#version = view.version;
    this.#believedUntilMs = Math.max(this.#believedUntilMs, startMs + viewLeaseMs);
    return view;
  }

  /**
   * Applies a write to the entries of some keys, and resolves only when no process can read the old ones. Called
   * after the write's commit. `carryOut` is called for the keys of one node, and again if it failed. A node that does
   * not comply is ejected for every process, which moves its keys elsewhere. Throws `Unavailable` if neither works:
   * the write must then not be reported as done.
   */
  async settle(
    namespace: string,
    keys: readonly string[],
    carryOut: (node: CacheNode, targets: ReadonlyMap<string, Target>, deadlineMs: number) => Promise<void>,
  ): Promise<void> {
    const deadline = Deadline.after(writeLimitMs);
    let lookedMs = performance.now();
    let view = await this.look();
    let left = new Set(keys);
    while (left.size > 0) {
      const placement = new Map<CacheNode, Map<string, Target>>();
      const former = new Map<CacheNode, string[]>();
      const current = view.version === this.#version ? this.#placement : new Placement(view.nodes);
      for (const key of left) {
        const target = this.target(current, namespace, key);
        if (target === undefined) continue;
        placement.set(target.node, (placement.get(target.node) ?? new Map<string, Target>()).set(key, target));
        if (target.previous !== undefined) appendTo(former, target.previous.node, target.previous.name);
      }
      // First the nodes that a joining node takes entries from, then the joining node; the other order would let it
      // take an old entry in between.
      const formerDone = await Promise.all(
        Array.from(former, ([node, names]) =>
          this.#patiently(node, view, () =>
            node.execute(
              names.map((key) => ({ opcode: opcodes.delete, key })),
              writeDeadlineMs,
            ),
          ),
        ),
      );
      if (formerDone.every(Boolean)) {
        const next = new Set<string>();
        await Promise.all(
          Array.from(placement, async ([node, targets]) => {
            if (!(await this.#patiently(node, view, () => carryOut(node, targets, writeDeadlineMs))))
              for (const key of targets.keys()) next.add(key);
          }),
        );
        left = next;
      }
      // Done under a view that has become too old: the nodes may have changed twice since.
      if (left.size === 0 && performance.now() - lookedMs > viewLeaseMs) left = new Set(keys);
      if (left.size === 0) break;
      if (deadline.passed)
        throw new RoostError('Unavailable', `a write did not reach the caches within ${writeLimitMs} ms`, {
          fields: { pool: this.options.name },
        });
      lookedMs = performance.now();
      view = await this.look();
    }
    if (view.unchangedForMs < viewLeaseMs) await sleep(viewLeaseMs - view.unchangedForMs);
  }

  /** Ejects a node if its state is still the one seen: its keys move to the gutter. */
  async eject(name: string, seen: NodeState, why: string): Promise<void> {
    if (!serves(seen)) return;
    if (!(await this.register.change(name, seen, { state: 'out', weight: seen.weight }))) return;
    this.metrics.ejections.inc({ pool: this.options.name });
    this.log.warn({ node: name, pool: this.options.name, why }, 'a cache node was ejected');
  }

  close(): void {
    void this.#watching.stop();
    for (const node of this.#nodes.values()) node.close();
  }

  async #patiently(node: CacheNode, { nodes }: RegisterView, work: () => Promise<unknown>): Promise<boolean> {
    const deadline = Deadline.after(writePatienceMs);
    for (;;) {
      try {
        node.retryNow();
        await work();
        return true;
      } catch (error) {
        if (deadline.passed) {
          await this.eject(node.name, nodes.get(node.name)!, RoostError.from(error).message);
          return false;
        }
        await sleep(20);
      }
    }
  }

  async #suspected(node: CacheNode, why: RoostError): Promise<void> {
    const seen = this.nodes.get(node.name);
    if (seen === undefined || this.#watching.stopped || this.options.onlooker === true) return;
    try {
      await this.eject(node.name, seen, why.message);
      await this.look();
    } catch (error) {
      this.log.debug({ err: error, node: node.name }, 'a cache node could not be ejected');
    }
  }

  async #watch(): Promise<void> {
    const view = await this.look();
    if (this.options.onlooker === true) return;
    await this.#enter(view);
    await this.#advance(view);
    await this.#probe();
  }

  /** Adds configured nodes that the register lacks, also after Redis has lost the register. */
  async #enter({ nodes }: RegisterView): Promise<void> {
    const first = nodes.size === 0;
    let entered = this.#version === '';
    for (const [name, weight] of [...this.options.nodes, ...this.options.gutter.map((each) => [each, 0] as const)]) {
      if (nodes.has(name)) continue;
      await this.register.change(name, undefined, { state: first || weight === 0 ? 'in' : 'joining', weight });
      entered = true;
    }
    if (entered) await this.look();
  }

  /** Moves new nodes to their next state, once no process can know only the previous one. */
  async #advance({ nodes, unchangedForMs }: RegisterView): Promise<void> {
    for (const [name, state] of nodes) {
      const next =
        state.state === 'joining'
          ? 'warming'
          : state.state === 'warming'
            ? 'joined'
            : state.state === 'joined'
              ? 'in'
              : undefined;
      const afterMs = state.state === 'warming' ? this.options.warmSeconds * 1000 : 2 * viewLeaseMs;
      if (next !== undefined && unchangedForMs >= afterMs)
        await this.register.change(name, state, { ...state, state: next });
    }
  }

  /** Probes ejected nodes. */
  async #probe(): Promise<void> {
    const nowMs = performance.now();
    await Promise.all(
      Array.from(this.nodes, async ([name, state]) => {
        const probe = this.#probes.get(name) ?? {
          atMs: 0,
          backoff: new Backoff(firstProbeMs, maxProbeMs),
          inSinceMs: nowMs,
        };
        this.#probes.set(name, probe);
        if (state.state !== 'out') {
          if (nowMs - probe.inSinceMs > wellAfterMs) probe.backoff.reset();
          probe.atMs = 0;
          return;
        }
        probe.inSinceMs = nowMs;
        // Processes probe at different times, and wait longer the more often a node was ejected.
        if (probe.atMs === 0) probe.atMs = nowMs + probe.backoff.nextMs * (0.5 + Math.random());
        if (nowMs < probe.atMs) return;
        probe.backoff.next();
        probe.atMs = 0;
        if (!(await this.#answers(name))) return;
        if (await this.register.change(name, state, { state: 'in', weight: state.weight }))
          this.log.info({ node: name, pool: this.options.name }, 'a cache node is back');
      }),
    );
  }

  async #answers(name: string): Promise<boolean> {
    const node = this.node(name);
    node.retryNow();
    try {
      await node.get([`${this.options.cluster}:probe`], writeDeadlineMs);
      return true;
    } catch {
      // It stays out, as the register says.
      return false;
    }
  }
}
