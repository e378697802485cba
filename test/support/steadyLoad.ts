import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Roost, WriteCallOptions } from '../../sdk/index.js';

const perWrite = 50;
/** After this many edges, the load writes the same edges again, so that a moving shard stays small. */
const mostEdges = 20_000;

/** The reads and writes of one client, without a pause. */
export class SteadyLoad {
  readonly failures: string[] = [];
  edges = 0;
  readonly tweets: bigint[] = [];
  users = 0;
  #stopped = false;

  constructor(
    readonly roost: Roost,
    /** Names this client's own data. */
    private readonly id: bigint,
    /** Options of writes that are answered once they are applied. */
    private readonly wait: WriteCallOptions = { acknowledgment: 'materialized' },
  ) {}

  stop(): void {
    this.#stopped = true;
  }

  async run(): Promise<void> {
    const graph = await this.roost.graph('follows');
    const { wait } = this;
    await Promise.all([
      this.#again(async (n) => {
        await graph.write(
          Array.from({ length: perWrite }, (_, i) => [this.id, BigInt(((n * perWrite) % mostEdges) + i + 1)] as const),
        );
        this.edges = (n + 1) * perWrite;
      }),
      this.#again(async (n) => {
        const id = await this.roost.tweets.create({ userId: this.id, text: `tweet ${n}` }, wait);
        this.tweets.push(id);
        // Ids of different servers are in order only as far as the clocks of their leases agree.
        expect((await this.roost.tweets.timeline(this.id, { count: 20 })).map((tweet) => tweet.id)).toContain(id);
      }),
      this.#again(async (n) => {
        const id = this.id * 1_000_000n + BigInt(n);
        await this.roost.users.put({ id, name: `user ${n}`, screenName: `user_${id}`, flags: 0 }, wait);
        this.users = n + 1;
        expect((await this.roost.users.get(id))?.name).toBe(`user ${n}`);
      }),
      this.#again(async () => {
        await graph.count(this.id);
        await graph.contains(this.id, 1n);
      }),
    ]);
  }

  /** Checks that every acknowledged write is there, once. */
  async expectAll(): Promise<void> {
    const graph = await this.roost.graph('follows');
    expect(await graph.count(this.id)).toBe(BigInt(Math.min(this.edges, mostEdges)));
    expect(await this.roost.tweets.timelineIds(this.id, { count: 1_000 })).toEqual(
      [...this.tweets].sort((a, b) => (a > b ? -1 : 1)).slice(0, 1_000),
    );
    const users = Array.from({ length: this.users }, (_, n) => this.id * 1_000_000n + BigInt(n));
    expect((await this.roost.users.getMany(users)).filter((user) => user === undefined)).toEqual([]);
  }

  async #again(step: (n: number) => Promise<void>): Promise<void> {
    for (let n = 0; !this.#stopped && this.failures.length < 5; n++) {
      try {
        await step(n);
      } catch (error) {
        this.failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
      }
      await sleep(20);
    }
  }
}

/** Waits until each client has done so many more steps of every kind. */
export async function progress(loads: readonly SteadyLoad[], steps = 20): Promise<void> {
  for (const load of loads) {
    const [edges, tweets, users] = [
      load.edges + (steps / 2) * perWrite,
      load.tweets.length + steps,
      load.users + steps,
    ];
    await expect
      .poll(
        () => load.failures.length > 0 || (load.edges >= edges && load.tweets.length >= tweets && load.users >= users),
        {
          timeout: 120_000,
        },
      )
      .toBe(true);
    expect(load.failures).toEqual([]);
  }
}
