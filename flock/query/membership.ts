import { distance, neighbour, type CompactId } from './compactId.js';
import { precedes, type IdBatch, type IdSource } from './idSource.js';
import type { QueryRun } from './queryRun.js';

/** Looking an id up costs about as much as reading this many rows of an ordered list: see docs/decisions. */
const rowsPerProbe = 6;
const minWindow = 256;
const maxWindow = 8_192;

/**
 * Keeps those ids of an ordered walk that are in a set, or those that are not, in the cheaper of two ways: by walking the set alongside, which reads every
 * row between the ids, or by asking for the ids, which costs more for each. What has been read of the set shows how dense it is, so that no counter
 * has to be read first.
 */
export class Membership {
  #window: IdBatch;
  /** The first id of the window that the walk has not passed. */
  #at = 0;
  /** Rows of the set for each step of the ids, as far as it has been read. */
  #density: number;

  /** `window` is the beginning of the set, beyond where the walk starts. */
  constructor(
    private readonly set: IdSource,
    window: IdBatch,
    private readonly rising: boolean,
    /** Whether to keep the ids that are in the set, or the others. */
    private readonly keepMembers: boolean,
  ) {
    this.#window = window;
    this.#density = densityOf(window);
  }

  /** Appends the ids to keep to `kept`. They come nearest first, and each call's beyond those of the call before. */
  async filter(ids: readonly CompactId[], kept: CompactId[], run: QueryRun): Promise<void> {
    for (let next = this.#alongside(ids, 0, kept); next < ids.length; next = this.#alongside(ids, next, kept)) {
      const rows = Math.ceil(this.#density * distance(ids[next]!, ids.at(-1)!));
      if (rows > (ids.length - next) * rowsPerProbe) {
        const rest = ids.slice(next);
        const members = await this.set.probe(rest, run);
        for (const id of rest) if (members.has(id) === this.keepMembers) kept.push(id);
        return;
      }
      await this.#read(ids[next]!, Math.min(maxWindow, Math.max(minWindow, Math.ceil(rows * 1.2))), run);
    }
  }

  /** Decides ids as far as the window reaches, and returns the place of the first that it does not. */
  #alongside(ids: readonly CompactId[], from: number, kept: CompactId[]): number {
    const { ids: members, through } = this.#window;
    const { rising, keepMembers } = this;
    let at = this.#at;
    let next = from;
    for (; next < ids.length; next++) {
      const id = ids[next]!;
      if (through !== undefined && precedes(through, id, rising)) break;
      while (at < members.length && precedes(members[at]!, id, rising)) at++;
      if ((members[at] === id) === keepMembers) kept.push(id);
    }
    this.#at = at;
    return next;
  }

  /** Moves the window to begin with `first`, whatever lies between. */
  async #read(first: CompactId, limit: number, run: QueryRun): Promise<void> {
    this.#window = await this.set.next(neighbour(first, this.rising ? -1n : 1n), this.rising, limit, run);
    this.#at = 0;
    this.#density = densityOf(this.#window);
  }
}

/** 0 where the whole rest of the set has been read. */
function densityOf({ ids, through }: IdBatch): number {
  if (through === undefined || ids.length === 0) return 0;
  return ids.length / Math.max(1, distance(ids[0]!, through));
}
