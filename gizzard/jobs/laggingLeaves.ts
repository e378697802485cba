import type { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline, priorities, type Priority, RoostError } from '../../core/index.js';
import type { Log } from '../../process/index.js';
import { journalError } from './journal.js';
import { scripts } from './scripts.js';
import { lagKeys, stateKey, streamKeys } from './streamKeys.js';

/**
 * A read never relies on older knowledge than this, and a leaf marked as lagging counts as known everywhere after
 * this time. Both use monotonic clocks, so that no two clocks have to agree.
 */
const maxAgeMs = 100;
/** A view older than this is renewed in the background of the reads that use it. */
const renewAfterMs = 40;
/** A look that takes longer has failed: reads continue with the previous knowledge. */
const lookDeadlineMs = 250;

/** Failing and bad jobs of one priority for one host; '' for those that name none. */
export interface HostJobs {
  readonly priority: Priority;
  readonly host: string;
  readonly failing: number;
  readonly bad: number;
  /** Memory in Redis for both, about a second old. */
  readonly bytes: number;
}

/**
 * Leaves that lack writes which other replicas may have: those with failing or bad jobs. They are read last.
 *
 * A write is answered as materialized only after `knownEverywhere` has resolved for the leaves on which it failed,
 * and a read begins with `fresh()`. A read that begins after the answer, on any server, thus knows that these leaves
 * lag, as long as its server reaches the journal's Redis. A server that does not keeps its last knowledge.
 */
export class LaggingLeaves {
  #leaves: ReadonlyMap<string, number> = new Map();
  #hosts: readonly HostJobs[] = [];
  #changes = '';
  #lookedAtMs = -Infinity;
  #looking: Promise<void> | undefined;
  #failed = false;
  /** Recently seen numbers of changes, with times: changes made before one are at least as old. */
  #seen: { readonly changes: number; readonly atMs: number }[] = [];
  readonly #keys: Parameters<typeof scripts.waiting.run>[1];

  constructor(
    cluster: string,
    private readonly redis: Redis,
    private readonly log: Log,
  ) {
    const { counts, changes } = lagKeys(cluster);
    const keys = streamKeys(cluster);
    this.#keys = {
      counts,
      changes,
      state: stateKey(cluster),
      streams: priorities.flatMap((priority) => [keys[priority].hosts, keys[priority].failing, keys[priority].bad]),
    };
  }

  /** Renews this process's knowledge if it is too old for a read; costs nothing otherwise. Never throws. */
  fresh(): Promise<void> | undefined {
    const ageMs = performance.now() - this.#lookedAtMs;
    if (ageMs < renewAfterMs) return undefined;
    const looking = this.#renew();
    // While Redis does not answer, reads do not wait for it each time.
    return ageMs < maxAgeMs || this.#failed ? undefined : looking;
  }

  /** Whether a leaf has all writes answered as materialized, as far as is known here. */
  isCurrent = (leaf: string): boolean => !this.#leaves.has(leaf);

  /** Hosts with failing or bad jobs, as of the last look. */
  get hosts(): readonly HostJobs[] {
    return this.#hosts;
  }

  /** Looks now. Throws `Unavailable` and `DeadlineExceeded`. */
  async look(
    deadline: Deadline,
  ): Promise<{ readonly hosts: readonly HostJobs[]; readonly leaves: ReadonlyMap<string, number> }> {
    const startedAtMs = performance.now();
    let answer;
    try {
      // Without a known number, the answer lists all leaves with their counts.
      answer = await deadline.race(
        scripts.waiting.run(this.redis, this.#keys, { known: '' }),
        'looking at the journal',
      );
    } catch (error) {
      throw journalError(error, 'high');
    }
    return this.#take(answer, startedAtMs);
  }

  /** Resolves when every server that reaches Redis knows of a leaf marked with this number. */
  async knownEverywhere(mark: number): Promise<void> {
    if (mark === 0) return;
    const nowMs = performance.now();
    if (mark > (this.#seen.at(-1)?.changes ?? 0)) this.#saw(mark, nowMs);
    const since = this.#seen.find(({ changes }) => changes >= mark)?.atMs ?? nowMs;
    const leftMs = since + maxAgeMs - nowMs;
    if (leftMs > 0) await sleep(leftMs);
  }

  /**
   * Resolves when every server that reaches Redis knows of all leaves that lag now. Throws `Unavailable` and
   * `DeadlineExceeded`.
   */
  async allKnownEverywhere(deadline: Deadline): Promise<void> {
    await this.look(deadline);
    await deadline.race(
      this.knownEverywhere(Number(this.#changes)),
      'waiting until all servers know which replicas lag',
    );
  }

  #renew(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #look(): Promise<void> {
    const startedAtMs = performance.now();
    try {
      const answer = await Deadline.after(lookDeadlineMs).race(
        scripts.waiting.run(this.redis, this.#keys, { known: this.#changes }),
        'looking for lagging replicas',
      );
      this.#take(answer, startedAtMs);
      this.#failed = false;
    } catch (error) {
      if (!this.#failed)
        this.log.warn(
          { err: RoostError.from(error) },
          "the journal's Redis does not tell which replicas lag; reads use the last known state",
        );
      this.#failed = true;
    }
  }

  #take(
    [changes, queues, leaves]: [string, (string | number)[][], string[]],
    startedAtMs: number,
  ): { hosts: readonly HostJobs[]; leaves: ReadonlyMap<string, number> } {
    const hosts = queues.flatMap((queue, i) => {
      const found: HostJobs[] = [];
      for (let at = 0; at < queue.length; at += 4)
        found.push({
          priority: priorities[i]!,
          host: String(queue[at]),
          failing: Number(queue[at + 1]),
          bad: Number(queue[at + 2]),
          bytes: Number(queue[at + 3]),
        });
      return found.filter(({ failing, bad }) => failing + bad > 0);
    });
    const counts = new Map<string, number>();
    for (let at = 0; at < leaves.length; at += 2) counts.set(leaves[at]!, Number(leaves[at + 1]));
    // Answers come in the order of their questions; the answer to an abandoned look is dropped.
    if (startedAtMs >= this.#lookedAtMs) {
      if (leaves.length > 0 || changes !== this.#changes) this.#leaves = counts;
      this.#hosts = hosts;
      this.#changes = changes;
      this.#lookedAtMs = startedAtMs;
      this.#saw(Number(changes), performance.now());
    }
    return { hosts, leaves: counts };
  }

  /** Keeps only the last of the numbers older than `maxAgeMs`. */
  #saw(changes: number, atMs: number): void {
    // A Redis that lost its data counts anew.
    if (changes < (this.#seen.at(-1)?.changes ?? 0)) this.#seen = this.#seen.filter((one) => one.changes <= changes);
    if ((this.#seen.at(-1)?.changes ?? -1) < changes) this.#seen.push({ changes, atMs });
    const old = this.#seen.findLastIndex((one) => one.atMs <= atMs - maxAgeMs);
    if (old > 0) this.#seen = this.#seen.slice(old);
  }
}

/** The database host in a leaf's key. */
export const hostOfLeaf = (leaf: string): string => leaf.slice(0, leaf.indexOf('/'));
