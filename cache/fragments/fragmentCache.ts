import { RoostError, type Deadline } from '../../core/index.js';
import type { CachePool } from '../ring/cachePool.js';
import type { Codec } from '../entries/codec.js';
import type { FirstLevelOptions } from '../entries/firstLevel.js';
import { LeasedCache } from '../entries/leasedCache.js';
import type { Vector } from '../vectors/vector.js';

/** Bytes that clients get as they are, as a rule text. */
export type Fragment = Buffer;

export interface FragmentCacheOptions {
  /** The cache's name in entries and metrics: letters and digits. */
  readonly name: string;
  /** The formats that fragments come in. */
  readonly formats: readonly string[];
  /** Renders the fragments of some ids; ids without one are absent. It may read rows through a row cache. */
  readonly render: (
    format: string,
    ids: readonly bigint[],
    deadline: Deadline,
  ) => Promise<ReadonlyMap<bigint, Fragment>>;
  readonly ttlSeconds: number;
  readonly absentTtlSeconds: number;
  readonly renewAfterSeconds?: number;
  readonly firstLevel?: FirstLevelOptions;
}

const bytes: Codec<Buffer> = {
  format: 1,
  encode: (value) => value,
  // A copy: keeping one fragment must not keep the whole answer in memory.
  decode: (body, front) => (front.length === 0 ? Buffer.from(body) : undefined),
};

/** Fragments by format and id. Missing ones are rendered, and only that reads rows. */
export class FragmentCache {
  readonly #formats: ReadonlyMap<string, LeasedCache<bigint, Fragment>>;

  constructor(
    pool: CachePool | undefined,
    readonly options: FragmentCacheOptions,
  ) {
    const { name, formats, render, ttlSeconds, absentTtlSeconds, renewAfterSeconds, firstLevel } = options;
    this.#formats = new Map(
      formats.map((format) => [
        format,
        new LeasedCache<bigint, Fragment>(pool, {
          name: `${name}.${format}`,
          codec: bytes,
          load: (ids, deadline) => render(format, ids, deadline),
          ttlSeconds,
          absentTtlSeconds,
          ...(renewAfterSeconds === undefined ? {} : { renewAfterSeconds }),
          ...(firstLevel === undefined ? {} : { firstLevel }),
        }),
      ]),
    );
  }

  /** The cache of one format. Throws `InvalidArgument` for an unknown format. */
  format(format: string): LeasedCache<bigint, Fragment> {
    const known = this.#formats.get(format);
    if (known !== undefined) return known;
    throw new RoostError(
      'InvalidArgument',
      `there is no format ${JSON.stringify(format)}; there are ${[...this.#formats.keys()].join(', ')}`,
      { fields: { format } },
    );
  }

  async get(format: string, ids: readonly bigint[], deadline?: Deadline): Promise<ReadonlyMap<bigint, Fragment>> {
    return this.format(format).get(ids, deadline);
  }

  /** The fragments of a range of a vector, in its order, without those that do not exist. */
  async page(format: string, { ids }: Vector, start: number, count: number, deadline?: Deadline): Promise<Fragment[]> {
    const wanted = Array.from(ids.subarray(start, start + count));
    const found = await this.get(format, wanted, deadline);
    return wanted.flatMap((id) => found.get(id) ?? []);
  }

  /**
   * Removes the fragments of ids in all formats. Call it after the row caches have the write, since fragments are
   * rendered from them.
   */
  async invalidate(ids: readonly bigint[]): Promise<void> {
    await Promise.all(Array.from(this.#formats.values(), (cache) => cache.invalidate(ids)));
  }
}
