import { setTimeout as sleep } from 'node:timers/promises';
import type { Roost } from '../../sdk/index.js';

const options = { acknowledgment: 'materialized', deadlineMs: 60_000 } as const;
/** The first of the ids that nothing else writes to. */
const first = 0x5eed_0000_0000_0000n;

/** A client that keeps working while others send anything, and records everything that was not as it should be. */
export class GoodClient {
  readonly problems: string[] = [];
  calls = 0;
  #stopped = false;
  #running: Promise<void>;

  constructor(private readonly roost: Roost) {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let n = 1n; !this.#stopped; n++) {
      try {
        await this.#turn(first + n, n);
      } catch (error) {
        this.problems.push(error instanceof Error ? error.stack! : String(error));
      }
      await sleep(10);
    }
  }

  async #turn(id: bigint, n: bigint): Promise<void> {
    const { roost } = this;
    const follows = await roost.graph('follows', options);
    await Promise.all([
      follows.add(first, id, options),
      roost.users.put({ id, name: `user ${n}`, screenName: 'good' }, options),
    ]);
    const [there, count, user] = await Promise.all([
      follows.contains(first, id, options),
      follows.count(first, options),
      roost.users.get(id, options),
    ]);
    const tweet = await roost.tweets.create({ userId: first, text: `tweet ${n}` }, options);
    const [newest] = await roost.tweets.timelineIds(first, { count: 1, ...options });
    this.calls += 7;
    if (!there || count !== n) this.problems.push(`edge ${n}: there ${there}, of ${count}`);
    if (user?.name !== `user ${n}`) this.problems.push(`user ${n} is ${user?.name}`);
    if (newest !== tweet) this.problems.push(`the newest tweet is ${newest}, not ${tweet}`);
  }
}
