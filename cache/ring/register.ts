import type { Redis } from 'ioredis';
import { isRoostError, RoostError } from '../../core/index.js';
import { NextRun } from './nextRun.js';
import { formatNodeState, parseNodeState, type NodeState } from './nodeState.js';

/** The register as it was at one moment. */
export interface RegisterView {
  readonly nodes: ReadonlyMap<string, NodeState>;
  /** The same for views that are the same. */
  readonly version: string;
  /** How long before this look it was last changed. */
  readonly unchangedForMs: number;
}

const changedField = '@changed';
const read = `local t = redis.call('TIME') return {redis.call('HGETALL', KEYS[1]), t[1] .. string.format('%06d', t[2])}`;
/** Sets a node's field if it still is as expected; an epoch of * becomes the time, which no epoch before was. */
const change = `
local t = redis.call('TIME')
local now = t[1] .. string.format('%06d', t[2])
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
local last = redis.call('HGET', KEYS[1], '${changedField}')
if last and now <= last then now = string.format('%.0f', last + 1) end
redis.call('HSET', KEYS[1], ARGV[1], (string.gsub(ARGV[3], '*', now)), '${changedField}', now)
return 1`;

/** What all processes agree on of a pool's nodes: one hash in the Redis that holds the journal. */
export class Register {
  readonly #look: NextRun<RegisterView>;

  constructor(
    private readonly redis: Redis,
    private readonly key: string,
  ) {
    this.#look = new NextRun(() => this.#read());
  }

  /** The register as it is after this call. Throws `Unavailable`. */
  look(): Promise<RegisterView> {
    return this.#look.call();
  }

  /** Changes a node's state, if it is still the one expected. Absent epoch: a new one. Returns whether it did. */
  async change(
    node: string,
    expected: NodeState | undefined,
    to: Omit<NodeState, 'epoch'> & { readonly epoch?: string },
  ): Promise<boolean> {
    const { state, weight, epoch = '*' } = to;
    return this.#call(
      async () =>
        (await this.redis.eval(
          change,
          1,
          this.key,
          node,
          expected === undefined ? '' : formatNodeState(expected),
          formatNodeState({ state, epoch, weight }),
        )) === 1,
    );
  }

  async #read(): Promise<RegisterView> {
    const [fields, now] = await this.#call(
      async () => (await this.redis.eval(read, 1, this.key)) as [string[], string],
    );
    const nodes = new Map<string, NodeState>();
    let changed = '0';
    for (let i = 0; i + 1 < fields.length; i += 2) {
      if (fields[i] === changedField) changed = fields[i + 1]!;
      const state = parseNodeState(fields[i + 1]!);
      if (state !== undefined) nodes.set(fields[i]!, state);
    }
    return { nodes, version: changed, unchangedForMs: (Number(now) - Number(changed)) / 1000 };
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
