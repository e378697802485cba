import { chunks, limits } from '../../core/index.js';
import type { Tbird } from '../../tbird/index.js';
import type { ReadOptions, Tweet } from '../../wire/index.js';

/**
 * The tweets of one page, looked up as it needs them. If the page is to be sent with fragments, a tweet's fragment
 * says that it exists, so that one lookup serves the rules and the answer.
 */
export class PageTweets {
  readonly #rows = new Map<bigint, Tweet | undefined>();
  readonly #fragments = new Map<bigint, Buffer | undefined>();

  /** @param format the format of fragments; absent: the page has ids alone */
  constructor(
    private readonly tbird: Tbird,
    private readonly format?: string,
  ) {}

  /** Looks up whether tweets exist. Throws `InvalidArgument` for an unknown format. */
  find(ids: Iterable<bigint>, options: ReadOptions): Promise<void> {
    const { format } = this;
    return format === undefined
      ? this.findRows(ids, options)
      : readInto(this.#fragments, ids, (some) => this.tbird.fragments(format, some, options));
  }

  /** Looks up rows too. */
  findRows(ids: Iterable<bigint>, options: ReadOptions): Promise<void> {
    return readInto(this.#rows, ids, (some) => this.tbird.get(some, options));
  }

  /** Whether a tweet that was looked up exists and is not deleted. */
  has(id: bigint): boolean {
    return (this.format === undefined ? this.#rows : this.#fragments).get(id) !== undefined;
  }

  /** The rows found among those of some ids, each once. */
  rows(ids: Iterable<bigint>): Tweet[] {
    return [...new Set(ids)].flatMap((id) => this.#rows.get(id) ?? []);
  }

  fragment(id: bigint): Buffer | undefined {
    return this.#fragments.get(id);
  }
}

async function readInto<Value>(
  found: Map<bigint, Value | undefined>,
  ids: Iterable<bigint>,
  read: (ids: BigInt64Array) => Promise<readonly (Value | undefined)[]>,
): Promise<void> {
  const wanted = new Set<bigint>();
  for (const id of ids) if (!found.has(id)) wanted.add(id);
  for (const some of chunks([...wanted], limits.idsPerCall)) {
    const values = await read(BigInt64Array.from(some));
    for (const [i, id] of some.entries()) found.set(id, values[i]);
  }
}
