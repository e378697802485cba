import type { Redis } from 'ioredis';
import { Deadline } from '../../core/index.js';
import { noticeKey } from './streamKeys.js';

const deadlineMs = 1_000;

/** Short texts that servers post for each other in the journal's Redis, such as their figures. A restart of Redis loses them, and the next post brings them back. */
export class Notices {
  constructor(
    private readonly cluster: string,
    private readonly redis: Redis,
  ) {}

  /** Replaces what `server` posted before. It is gone after `keepMs`. Throws what Redis throws, and `DeadlineExceeded`. */
  async post(server: string, text: string, keepMs: number): Promise<void> {
    await this.#bounded(this.redis.set(noticeKey(this.cluster, server), text, 'PX', keepMs));
  }

  /** The latest posts, by server. Servers that posted nothing lately are absent. Throws as `post` does. */
  async read(servers: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (servers.length === 0) return new Map();
    const texts = await this.#bounded(this.redis.mget(servers.map((server) => noticeKey(this.cluster, server))));
    return new Map(
      texts.flatMap((text, i): [string, string][] => {
        const server = servers[i];
        return text === null || server === undefined ? [] : [[server, text]];
      }),
    );
  }

  #bounded<T>(command: Promise<T>): Promise<T> {
    return Deadline.after(deadlineMs).race(command, "posting in the journal's Redis");
  }
}
