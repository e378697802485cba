import { type Deadline, whatStays } from '../../core/index.js';
import { shardKey } from '../topology/types.js';
import type { MovableTable, RowsDigest } from './movable.js';
import type { Difference, MoveSpec } from './moveTask.js';
import { within, type MovedPage, type HostedShard } from './pages.js';

/**
 * Rows that differ may be in the middle of a write that has reached one shard and not another: they are compared
 * again after these waits.
 */
const lookAgainAfterMs = [50, 100, 200, 400] as const;

/** Compares a page of at most `limit` rows per shard, and repairs differences if the move says so. */
export async function comparePage(
  spec: MoveSpec,
  table: MovableTable,
  sources: readonly HostedShard[],
  targets: readonly HostedShard[],
  after: string,
  limit: number,
  deadline: Deadline,
): Promise<MovedPage> {
  const places = [...sources, ...targets];
  const ends = await Promise.all(places.map(({ host, shard }) => table.pageEnd(host, shard, after, limit, deadline)));
  // The nearest end, so that no shard's page has more rows than the limit.
  const end = ends.filter((one) => one !== undefined).sort((a, b) => table.compareKeys(a, b))[0];
  const { rowCount, suspects, waitedMs } = await findSuspects(
    spec,
    table,
    places,
    sources.length,
    after,
    end,
    deadline,
  );
  const contradictions = await findContradictions(spec, table, places, sources.length, after, end, deadline);
  const differences = [...suspects].map(([key, rows]) => describe(table, key, rows, places));
  for (const { place, keys } of contradictions) {
    const rows = await table.rowsAt(
      place.host,
      place.shard,
      keys.filter((key) => !suspects.has(key)),
      deadline,
    );
    differences.push(...rows.map((row) => describe(table, table.key(row), [row], [place])));
  }
  if (spec.kind !== 'diff') {
    await fix(spec, table, places, sources.length, suspects, deadline);
    for (const { place, keys } of contradictions)
      await table.write(place.host, place.shard, await table.rowsAt(place.host, place.shard, keys, deadline), deadline);
  }
  return { end, rows: rowCount, differences: differences.sort((a, b) => table.compareKeys(a.key, b.key)), waitedMs };
}

interface Suspects {
  /** Rows of the page. */
  readonly rowCount: number;
  /** Differing rows by key, each by place. */
  readonly suspects: ReadonlyMap<string, readonly unknown[]>;
  readonly waitedMs: number;
}

async function findSuspects(
  spec: MoveSpec,
  table: MovableTable,
  places: readonly HostedShard[],
  firstTarget: number,
  after: string,
  end: string | undefined,
  deadline: Deadline,
): Promise<Suspects> {
  // A range of hashes is no range of keys: one shard holds rows there that the other need not have.
  const digest = spec.range === undefined ? await commonDigest(table, places, after, end, deadline) : undefined;
  if (digest !== undefined) return { rowCount: digest.rows, suspects: new Map(), waitedMs: 0 };
  const pages = await Promise.all(places.map(({ host, shard }) => table.rows(host, shard, after, end, deadline)));
  const byKey = rowsByKey(
    table,
    pages.map((rows) => within(table, spec.range, rows)),
  );
  const differs =
    spec.kind === 'verify'
      ? (rows: readonly unknown[]) => lacking(table, rows, firstTarget).length > 0
      : (rows: readonly unknown[]) => !allSame(table, rows);
  let waitedMs = 0;
  function* pauses(): Generator<number> {
    // In a merge most rows differ, and rewriting rows in the middle of a write does no harm.
    for (const waitMs of spec.kind === 'merge' ? [] : lookAgainAfterMs) {
      if (deadline.remainingMs() < waitMs * 4) return;
      waitedMs += waitMs;
      yield waitMs;
    }
  }
  const suspects = await whatStays(
    [...byKey].filter(([, rows]) => differs(rows)),
    async (left) => {
      const keys = left.map(([key]) => key);
      const again = await Promise.all(places.map(({ host, shard }) => table.rowsAt(host, shard, keys, deadline)));
      return [...rowsByKey(table, again)].filter(([, rows]) => differs(rows));
    },
    pauses(),
  );
  return { rowCount: Math.max(...pages.map((page) => page.length)), suspects: new Map(suspects), waitedMs };
}

/** The digest of a page that is equal everywhere; undefined if it is not, or has none. */
async function commonDigest(
  table: MovableTable,
  places: readonly HostedShard[],
  after: string,
  end: string | undefined,
  deadline: Deadline,
): Promise<RowsDigest | undefined> {
  if (table.digest === undefined) return undefined;
  const [first, ...others] = await Promise.all(
    places.map(({ host, shard }) => table.digest!(host, shard, after, end, deadline)),
  );
  return others.every((other) => sameDigest(first!, other)) ? first : undefined;
}

/** The rows of each key by place, undefined for missing ones. */
function rowsByKey(table: MovableTable, pages: readonly (readonly unknown[])[]): Map<string, unknown[]> {
  const byKey = new Map<string, unknown[]>();
  for (const [at, rows] of pages.entries()) {
    for (const row of rows) {
      const key = table.key(row);
      let found = byKey.get(key);
      if (found === undefined) byKey.set(key, (found = new Array<unknown>(pages.length).fill(undefined)));
      found[at] = row;
    }
  }
  return byKey;
}

const allSame = (table: MovableTable, rows: readonly unknown[]): boolean =>
  rows.every((row) => row !== undefined && table.same(rows[0], row));

/** Returns the places, from `firstTarget` on, whose row lacks something that another place has. */
function lacking(table: MovableTable, rows: readonly unknown[], firstTarget: number): number[] {
  const known = rows.filter((row) => row !== undefined);
  const lacks = (row: unknown): boolean =>
    row === undefined ? known.length > 0 : known.some((other) => other !== row && table.lacks(row, other));
  return rows.flatMap((row, at) => (at >= firstTarget && lacks(row) ? [at] : []));
}

async function findContradictions(
  spec: MoveSpec,
  table: MovableTable,
  places: readonly HostedShard[],
  firstTarget: number,
  after: string,
  end: string | undefined,
  deadline: Deadline,
): Promise<{ readonly place: HostedShard; readonly keys: readonly string[] }[]> {
  if (table.contradictions === undefined) return [];
  const checked = spec.kind === 'verify' ? places.slice(firstTarget) : places;
  const found = await Promise.all(
    checked.map(async (place) => ({
      place,
      keys: await table.contradictions!(place.host, place.shard, after, end, deadline),
    })),
  );
  return found.filter(({ keys }) => keys.length > 0);
}

/** Writes each place's rows to every place that lacks them. */
async function fix(
  spec: MoveSpec,
  table: MovableTable,
  places: readonly HostedShard[],
  targets: number,
  suspects: ReadonlyMap<string, readonly unknown[]>,
  deadline: Deadline,
): Promise<void> {
  for (const from of places.keys()) {
    const write = async ({ host, shard }: HostedShard, to: number): Promise<void> => {
      if (spec.kind === 'verify' && to < targets) return;
      const rows = [...suspects.values()].filter((rows) => isNeeded(table, rows, from, to)).map((rows) => rows[from]);
      if (rows.length > 0) await table.write(host, shard, rows, deadline);
    };
    await Promise.all(places.map(write));
  }
}

/**
 * Whether one place's row must be written to another; to its own place, if nothing is missing and it still differs,
 * which recomputes derived values.
 */
function isNeeded(table: MovableTable, rows: readonly unknown[], from: number, to: number): boolean {
  const [row, there] = [rows[from], rows[to]];
  if (row === undefined) return false;
  if (from !== to) return there === undefined || table.lacks(there, row);
  return rows.some((other) => other !== undefined && !table.same(row, other) && !table.lacks(row, other));
}

const describe = (
  table: MovableTable,
  key: string,
  rows: readonly unknown[],
  places: readonly HostedShard[],
): Difference => ({
  table: table.name,
  key,
  rows: Object.fromEntries(
    places.map(({ shard }, at) => [shardKey(shard.id), rows[at] === undefined ? null : table.describe(rows[at])]),
  ),
});

const sameDigest = (a: RowsDigest, b: RowsDigest): boolean => a.rows === b.rows && a.hash === b.hash;
