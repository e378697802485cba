import { randomBytes } from 'node:crypto';
import type { Deadline } from '../../core/index.js';
import type { CachePool } from '../ring/cachePool.js';
import { LeasedCache } from '../entries/leasedCache.js';

export interface PageCacheOptions {
  /** The cache's name in entries and metrics: letters and digits. */
  readonly name: string;
  /** Renders a page of a family, such as one user's timeline; undefined if there is none. */
  readonly render: (family: string, page: string, deadline: Deadline) => Promise<Buffer | undefined>;
  readonly ttlSeconds: number;
  readonly absentTtlSeconds: number;
}

/** Longer than any page lives: a lost generation costs its pages, and nothing else. */
const generationTtlSeconds = 7 * 86_400;
const generationBytes = 8;

const copied = {
  format: 1,
  encode: (value: Buffer) => value,
  decode: (body: Buffer, front: Buffer) => (front.length === 0 ? Buffer.from(body) : undefined),
};

/**
 * Whole pages. Each page's name contains the generation of its family, so that a new generation makes every page of
 * the family unreachable at once. Use a pool of its own: pages are many and large, and would displace everything
 * else.
 */
export class PageCache {
  readonly #generations: LeasedCache<string, Buffer>;
  readonly #pages: LeasedCache<string, Buffer>;

  constructor(
    pool: CachePool | undefined,
    readonly options: PageCacheOptions,
  ) {
    const { name, render, ttlSeconds, absentTtlSeconds } = options;
    this.#generations = new LeasedCache(pool, {
      name: `${name}.generation`,
      codec: copied,
      // Never a used generation, which would bring older pages back.
      load: async (families) => new Map(families.map((family) => [family, randomBytes(generationBytes)])),
      ttlSeconds: generationTtlSeconds,
      absentTtlSeconds: generationTtlSeconds,
    });
    this.#pages = new LeasedCache(pool, {
      name,
      codec: copied,
      load: async (keys, deadline) => {
        const pages = await Promise.all(
          keys.map(async (key) => {
            const [, family, page] = JSON.parse(key) as [string, string, string];
            return [key, await render(family, page, deadline)] as const;
          }),
        );
        return new Map(pages.flatMap(([key, page]) => (page === undefined ? [] : [[key, page] as const])));
      },
      ttlSeconds,
      absentTtlSeconds,
    });
  }

  async get(family: string, page: string, deadline?: Deadline): Promise<Buffer | undefined> {
    const generation = (await this.#generations.getOne(family, deadline))!;
    return this.#pages.getOne(JSON.stringify([generation.toString('base64url'), family, page]), deadline);
  }

  /**
   * Makes every page of a family unreachable. Resolves when nobody can read an older one. Throws `Unavailable` if
   * that cannot be achieved.
   */
  bump(family: string): Promise<void> {
    return this.#generations.invalidate([family]);
  }
}
