import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { isRoostError, RoostError } from '../../core/index.js';
import { LuaScript } from '../../redis/index.js';
import { NextRun } from './nextRun.js';
import { formatNodeState, parseNodeState, type NodeState } from './nodeState.js';

/** The register at one moment. */
export interface RegisterView {
  readonly nodes: ReadonlyMap<string, NodeState>;
  /** Equal for equal views. */
  readonly version: string;
  /**
   * A lower bound on the time since its last change, by this process's monotonic clock: Redis's clock may be set. The
   * first view of a process alone goes by Redis's clock, so that a process can start without a wait.
   */
  readonly unchangedForMs: number;
}

const changedField = '@changed';
/** Random bytes beside the time, so that no two epochs are equal. */
const epochBytes = 6;
const readRegister = new LuaScript<{ readonly register: string }, object, [fields: string[], nowMicros: string]>(
  new URL('lua/readRegister.lua', import.meta.url),
);
const changeRegister = new LuaScript<
  { readonly register: string },
  { readonly changedField: string; readonly node: string; readonly expected: string; readonly state: string },
  0 | 1
>(new URL('lua/changeRegister.lua', import.meta.url));

/** The shared state of a pool's nodes: one hash in the journal's Redis. */
export class RingRegister {
  readonly #look: NextRun<RegisterView>;
  /** The version last seen, and since when it has been unchanged at the latest. */
  #seen: { readonly version: string; readonly sinceMs: number } | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly key: string,
  ) {
    this.#look = new NextRun(() => this.#read());
  }

  /** The register as of this call. Throws `Unavailable`. */
  look(): Promise<RegisterView> {
    return this.#look.call();
  }

  /** Changes a node's state if it is still the expected one. Absent epoch: a new one. Returns whether it changed. */
  async change(
    node: string,
    expected: NodeState | undefined,
    to: Omit<NodeState, 'epoch'> & { readonly epoch?: string },
  ): Promise<boolean> {
    // Time alone could repeat if Redis lost the register and its clock was set back.
    const { state, weight, epoch = `*.${randomBytes(epochBytes).toString('base64url')}` } = to;
    return this.#call(
      async () =>
        (await changeRegister.run(
          this.redis,
          { register: this.key },
          {
            changedField,
            node,
            expected: expected === undefined ? '' : formatNodeState(expected),
            state: formatNodeState({ state, epoch, weight }),
          },
        )) === 1,
    );
  }

  async #read(): Promise<RegisterView> {
    const [fields, now] = await this.#call(() => readRegister.run(this.redis, { register: this.key }, {}));
    const nodes = new Map<string, NodeState>();
    let changed = '0';
    for (let i = 0; i + 1 < fields.length; i += 2) {
      if (fields[i] === changedField) changed = fields[i + 1]!;
      const state = parseNodeState(fields[i + 1]!);
      if (state !== undefined) nodes.set(fields[i]!, state);
    }
    const version = fields.join(' ');
    const nowMs = performance.now();
    let seen = this.#seen;
    if (seen?.version !== version) {
      const ageMs = seen === undefined ? Math.max(0, (Number(now) - Number(changed)) / 1000) : 0;
      seen = { version, sinceMs: nowMs - ageMs };
      this.#seen = seen;
    }
    return { nodes, version, unchangedForMs: nowMs - seen.sinceMs };
  }

  async #call<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw isRoostError(cause)
        ? cause
        : new RoostError(
            'Unavailable',
            `the register of the cache nodes, in Redis, cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`,
            { cause },
          );
    }
  }
}
