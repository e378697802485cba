import { setImmediate as nextTurn } from 'node:timers/promises';
import { Command, type Redis } from 'ioredis';
import { RoostError } from '../../core/index.js';

/** The needed replicas must confirm within this time. */
const waitMs = 1_000;
/** All connected replicas may take this long to confirm; then the needed ones are enough. */
const allWithinMs = 200;
/** After a replica was too slow, writes go on without it for this long, so that one that hangs does not hold up each of them. */
const withoutSlowMs = 2_000;

/** A replica that was connected within this time is missed: it may have left because it was promoted. */
const missedForMs = 30_000;

/** Shared by the connections of a process. */
export class ReplicaCounts {
  #connected = 0;
  /** Numbers that were connected lately, falling: of two with the same or fewer, only the later one counts. */
  #seen: { readonly connected: number; readonly atMs: number }[] = [];

  constructor(
    /** 0: do not wait. */
    readonly needed: number,
    /** Whether the Redis stays the primary: no Sentinel is promoting another server. */
    readonly stays: () => Promise<boolean> = () => Promise.resolve(true),
  ) {}

  /** Notes how many are connected, each second. */
  saw(connected: number, nowMs = performance.now()): void {
    this.#connected = connected;
    this.#seen = this.#seen.filter((one) => one.connected > connected && nowMs - one.atMs < missedForMs);
    this.#seen.push({ connected, atMs: nowMs });
  }

  /** When the journal's Redis was last looked at. */
  get connected(): number {
    return this.#connected;
  }

  /** The most that were connected lately. */
  get most(): number {
    return this.#seen[0]?.connected ?? 0;
  }
}

/**
 * Waits until replicas of the journal's Redis have what a connection has written: all that are connected, or after a
 * while as many as are needed. A Sentinel may promote any of them, and knows only roughly which is furthest. If a
 * replica that was connected lately has not confirmed, it may just be promoted while the others still follow this
 * Redis: then the Sentinels are asked. Callers of one moment share one `WAIT`; appends that come while it waits share
 * the next.
 */
export class ReplicaAcks {
  /** Counts connections to Redis. A new connection has written nothing, so that its `WAIT` is answered at once. */
  #connection = 0;
  #next: Promise<number> | undefined;
  #neededOnlyUntilMs = 0;

  constructor(
    private readonly redis: Redis,
    readonly counts: ReplicaCounts,
  ) {
    redis.on('close', () => this.#connection++);
  }

  get needed(): number {
    return this.counts.needed;
  }

  /** The present connection, to note before a write is sent. */
  get connection(): number {
    return this.#connection;
  }

  /**
   * Resolves when enough replicas have everything answered on this connection; at once if none is needed. Throws
   * `Unavailable` if they do not within a second, or if the connection has been replaced: the writes may or may not
   * survive.
   */
  async reached(connection: number): Promise<void> {
    if (this.needed === 0) return;
    this.#next ??= this.#wait();
    const reached = await this.#next;
    if (connection !== this.#connection)
      throw this.#unknown('the connection was lost before its replicas had confirmed a write');
    if (reached < this.needed)
      throw this.#unknown(
        `${reached} replicas have confirmed a write in time, and \`journal.replicas\` is ${this.needed}`,
      );
  }

  async #wait(): Promise<number> {
    // Answers that have come together share it. It is sent alone; commands in one pipeline with it would be answered
    // only when it ends.
    await nextTurn();
    this.#next = undefined;
    const reached = await this.#reach();
    if (reached >= this.needed && reached < this.counts.most && !(await this.counts.stays()))
      throw this.#unknown('Sentinels promote another server, which may lack a write');
    return reached;
  }

  async #reach(): Promise<number> {
    const all = this.counts.connected;
    if (all > this.needed && performance.now() >= this.#neededOnlyUntilMs) {
      const reached = await this.#confirmed(all, allWithinMs);
      if (reached < all) this.#neededOnlyUntilMs = performance.now() + withoutSlowMs;
      if (reached >= this.needed) return reached;
    }
    return this.#confirmed(this.needed, waitMs);
  }

  /** How many replicas have confirmed, when it is `count` or the time is over. */
  async #confirmed(count: number, withinMs: number): Promise<number> {
    return (await this.redis.sendCommand(new Command('wait', [count, withinMs]))) as number;
  }

  #unknown(message: string): RoostError {
    return new RoostError('Unavailable', `the journal's Redis: ${message}; whether it is kept is not known`, {
      fields: { service: 'redis' },
    });
  }
}
