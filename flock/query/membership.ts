import { precedes, type IdBatch, type IdSource } from './idSource.js';
import type { QueryRun } from './queryRun.js';

/** Looking an id up costs about as much as reading this many rows of an ordered list: see docs/decisions. */
const rowsPerProbe = 6;
const minWindow = 256;
const maxWindow = 8_192;

/**
 * Answers which ids of an ordered walk are in a set, in the cheaper of two ways: by walking the set alongside, which reads every row between the ids,
 * or by asking for the ids, which costs more for each. What has been read of the set shows how dense it is, so that no counter has to be read first.
 */
export class Membership {
  #window: IdBatch;
  #members: ReadonlySet<bigint>;
  /** Rows of the set for each step of the ids, as far as it has been read. */
  #density: number;

  /** `window` is the beginning of the set, beyond where the walk starts. */
  constructor(
    private readonly set: IdSource,
    window: IdBatch,
    private readonly rising: boolean,
  ) {
    this.#window = window;
    this.#members = new Set(window.ids);
    this.#density = densityOf(window);
  }

  /** Which of the ids are in the set. They come nearest first, and each call's beyond those of the call before. */
  async of(ids: readonly bigint[], run: QueryRun): Promise<ReadonlySet<bigint>> {
    const found = new Set<bigint>();
    let at = 0;
    for (;;) {
      for (; at < ids.length && this.#covers(ids[at]!); at++) if (this.#members.has(ids[at]!)) found.add(ids[at]!);
      if (at === ids.length) return found;
      const rows = Math.ceil(this.#density * distance(ids[at]!, ids.at(-1)!));
      if (rows > (ids.length - at) * rowsPerProbe) {
        for (const id of await this.set.probe(ids.slice(at), run)) found.add(id);
        return found;
      }
      await this.#read(ids[at]!, Math.min(maxWindow, Math.max(minWindow, Math.ceil(rows * 1.2))), run);
    }
  }

  /** Moves the window to begin with `first`, whatever lies between. */
  async #read(first: bigint, limit: number, run: QueryRun): Promise<void> {
    this.#window = await this.set.next(this.rising ? first - 1n : first + 1n, this.rising, limit, run);
    this.#members = new Set(this.#window.ids);
    this.#density = densityOf(this.#window);
  }

  #covers(id: bigint): boolean {
    return this.#window.through === undefined || !precedes(this.#window.through, id, this.rising);
  }
}

/** 0 where the whole rest of the set has been read. */
function densityOf({ ids, through }: IdBatch): number {
  if (through === undefined || ids.length === 0) return 0;
  return ids.length / Math.max(1, distance(ids[0]!, through));
}

/** As a number: for estimates only. */
const distance = (a: bigint, b: bigint): number => Number(a < b ? b - a : a - b);
