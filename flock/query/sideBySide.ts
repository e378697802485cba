import { distance, neighbor, type CompactId } from './compactId.js';
import { precedes, type IdBatch, type IdSource } from './idSource.js';
import type { QueryRun } from './queryRun.js';

/** The cost of probing an id, in rows of an ordered list: see docs/decisions. */
const rowsPerProbe = 6;
const minBatch = 128;
/** Bounds the work of one statement: about 10 ms. */
const maxBatch = 32_768;
const maxProbe = 8_192;

/** The first request to both sides; it completes most pages. */
export const firstBatch = (limit: number): number => clamped(limit * 2, maxBatch);

const clamped = (count: number, most: number): number => Math.min(most, Math.max(minBatch, Math.ceil(count)));

/**
 * The target that yields `count` in all but few cases: the yield of randomly placed ids varies as the root of their
 * number.
 */
const enough = (count: number): number => count + 2 * Math.sqrt(count);

/** A set under way, with the ids read ahead of the walk. */
export class Walked {
  /** The index of the first id ahead of the walk. */
  at = 0;

  constructor(
    readonly set: IdSource,
    private readonly rising: boolean,
    public batch: IdBatch,
  ) {}

  /** The number of ids read ahead. */
  get left(): number {
    return this.batch.ids.length - this.at;
  }

  /** Whether the set is exhausted. */
  get ended(): boolean {
    return this.left === 0 && this.batch.through === undefined;
  }

  /** The first id ahead of the walk. */
  get next(): CompactId | undefined {
    return this.batch.ids[this.at];
  }

  /** Moves the walk past some ids, and returns them. */
  take(most: number): CompactId[] {
    const ids = this.batch.ids.slice(this.at, this.at + most);
    this.at += ids.length;
    return ids;
  }

  /** Ids per unit of id space, from the last batch read. */
  get density(): number {
    const { ids, through = ids.at(-1) } = this.batch;
    return through === undefined ? 1 : Math.max(1, ids.length) / Math.max(1, distance(ids[0] ?? through, through));
  }

  /** Reads about `count` more ids; none at the end of the set. `least`: begin no nearer than this id. */
  async readOn(count: number, least: CompactId | undefined, run: QueryRun): Promise<void> {
    const { ids, through } = this.batch;
    if (through === undefined || count <= 0) return;
    const before = least === undefined ? through : neighbor(least, this.rising ? -1n : 1n);
    const { ids: more, through: end } = await this.set.next(
      precedes(through, before, this.rising) ? before : through,
      this.rising,
      clamped(count, maxBatch),
      run,
    );
    this.batch = { ids: this.left === 0 ? more : ids.slice(this.at).concat(more), through: end };
    this.at = 0;
  }
}

/**
 * Walks `driver` and keeps its ids that are in `other`, or those that are not. Each step takes the cheaper of two
 * ways: walk the other set in parallel, which reads every row between the ids; or probe it for the ids, which costs
 * more per id. Both densities are known from what has been read, so that no counters need reading first.
 */
export async function walkSideBySide(
  driver: Walked,
  other: Walked,
  keepMembers: boolean,
  rising: boolean,
  limit: number,
  run: QueryRun,
): Promise<IdBatch> {
  const kept: CompactId[] = [];
  let decided = 0;
  /** All ids up to here have been decided. */
  let through: CompactId | undefined;
  for (;;) {
    decided += decideAlongside(driver, other, keepMembers, rising, kept);
    if (kept.length > limit) return { ids: kept.slice(0, limit), through: kept[limit - 1] };
    if (driver.ended || (keepMembers && other.ended)) return { ids: kept, through: undefined };
    const reached = driver.left === 0 ? driver.batch.through : other.batch.through;
    // Probed ids may lie further on than the other set has been read.
    if (through === undefined || (reached !== undefined && precedes(through, reached, rising))) through = reached;
    if (kept.length === limit || run.spent) return { ids: kept, through };

    // At the present yield, this many of the driver's ids are needed, and this many rows of the other set lie between
    // them.
    const needed =
      driver.batch.through === undefined
        ? driver.left
        : clamped(
            decided === 0 ? driver.left : (enough(limit - kept.length) * decided) / Math.max(kept.length, 1),
            maxBatch,
          );
    const rows = other.batch.through === undefined ? 0 : (needed * other.density) / driver.density;
    if (rows > needed * rowsPerProbe) {
      if (driver.left === 0) await driver.readOn(Math.min(needed, maxProbe), undefined, run);
      const ids = driver.take(maxProbe);
      // The next batch is fetched while this one is decided.
      const [members] = await Promise.all([
        other.set.probe(ids, run),
        driver.readOn(needed - ids.length - driver.left, undefined, run),
      ]);
      for (const id of ids) if (members.has(id) === keepMembers) kept.push(id);
      decided += ids.length;
      through = ids.at(-1);
    } else {
      // Ids of one set before the next id of the other are not needed.
      await Promise.all([
        driver.readOn(needed - driver.left, keepMembers ? other.next : undefined, run),
        other.readOn(rows - other.left, driver.next ?? through, run),
      ]);
    }
  }
}

/** Decides the driver's ids as far as the other set has been read. Returns how many. */
function decideAlongside(
  driver: Walked,
  other: Walked,
  keepMembers: boolean,
  rising: boolean,
  kept: CompactId[],
): number {
  const { ids } = driver.batch;
  const { ids: members, through } = other.batch;
  const first = driver.at;
  let { at } = driver;
  let memberAt = other.at;
  for (; at < ids.length; at++) {
    const id = ids[at]!;
    if (through !== undefined && precedes(through, id, rising)) {
      memberAt = members.length;
      break;
    }
    while (memberAt < members.length && precedes(members[memberAt]!, id, rising)) memberAt++;
    if ((members[memberAt] === id) === keepMembers) kept.push(id);
  }
  driver.at = at;
  other.at = memberAt;
  return at - first;
}
