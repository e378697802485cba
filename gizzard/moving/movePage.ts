import { setTimeout as sleep } from 'node:timers/promises';
import type { Deadline } from '../../core/index.js';
import { keyHash } from '../hashes/index.js';
import type { DatabaseHost } from '../hosts/databaseHost.js';
import { shardKey, type ShardInfo } from '../topology/types.js';
import type { MovableTable } from './movable.js';
import type { Difference, HashRange, MoveSpec } from './moveTask.js';

/** Rows that look different may be in the middle of a write that reaches one shard before another: they are looked at again, after these waits. */
const lookAgainAfterMs = [50, 100, 200, 400] as const;

export interface MovedPage {
  /** Where the next page starts; undefined at the end of the table. */
  readonly end: string | undefined;
  readonly rows: number;
  readonly differences: readonly Difference[];
}

interface Place {
  readonly host: DatabaseHost;
  readonly shard: ShardInfo;
}

interface ReadPage {
  readonly end: string | undefined;
  readonly rows: readonly unknown[];
}

/** Moves or compares the tables of a move, page by page. */
export class PageMover {
  readonly #sources: readonly Place[];
  readonly #targets: readonly Place[];
  /** The page behind the last one, which a copy reads while it writes. */
  #ahead: { readonly table: MovableTable; readonly after: string; readonly page: Promise<ReadPage> } | undefined;

  constructor(
    private readonly spec: MoveSpec,
    hostOf: (name: string) => DatabaseHost,
  ) {
    const place = (shard: ShardInfo): Place => ({ shard, host: hostOf(shard.id.hostname) });
    this.#sources = spec.sources.map(place);
    this.#targets = spec.targets.map(place);
  }

  /** One page of at most `limit` rows of each shard, or of as many as were allowed when it was read ahead. */
  move(table: MovableTable, after: string, limit: number, deadline: Deadline): Promise<MovedPage> {
    return this.spec.kind === 'copy' ? this.#copy(table, after, limit, deadline) : comparePage(this.spec, table, this.#sources, this.#targets, after, limit, deadline);
  }

  async #copy(table: MovableTable, after: string, limit: number, deadline: Deadline): Promise<MovedPage> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const { end, rows } = await (ahead?.table === table && ahead.after === after ? ahead.page : this.#read(table, after, limit, deadline));
    if (end !== undefined) {
      const page = this.#read(table, end, limit, deadline);
      // A failure is told to whoever asks for the page.
      page.catch(() => undefined);
      this.#ahead = { table, after: end, page };
    }
    const copied = within(table, this.spec.range, rows);
    if (copied.length > 0) await Promise.all(this.#targets.map(({ host, shard }) => table.write(host, shard, copied, deadline)));
    return { end, rows: rows.length, differences: [] };
  }

  async #read(table: MovableTable, after: string, limit: number, deadline: Deadline): Promise<ReadPage> {
    const { host, shard } = this.#sources[0]!;
    const end = await table.pageEnd(host, shard, after, limit, deadline);
    return { end, rows: await table.rows(host, shard, after, end, deadline) };
  }
}

async function comparePage(spec: MoveSpec, table: MovableTable, sources: readonly Place[], targets: readonly Place[], after: string, limit: number, deadline: Deadline): Promise<MovedPage> {
  const places = [...sources, ...targets];
  const ends = await Promise.all(places.map(({ host, shard }) => table.pageEnd(host, shard, after, limit, deadline)));
  // The nearest end, so that no shard's page holds more rows than the limit.
  const end = ends.filter((one) => one !== undefined).sort((a, b) => table.compareKeys(a, b))[0];
  const pages = await Promise.all(places.map(({ host, shard }) => table.rows(host, shard, after, end, deadline)));
  const byKey = new Map<string, (unknown)[]>();
  for (const [at, rows] of pages.entries()) {
    for (const row of within(table, spec.range, rows)) {
      const key = table.key(row);
      let found = byKey.get(key);
      if (found === undefined) byKey.set(key, (found = new Array<unknown>(places.length).fill(undefined)));
      found[at] = row;
    }
  }
  const differs = spec.kind === 'verify' ? (rows: readonly unknown[]) => lacking(table, rows, sources.length).length > 0 : (rows: readonly unknown[]) => !allSame(table, rows);
  let suspects = new Map([...byKey].filter(([, rows]) => differs(rows)));
  for (const waitMs of lookAgainAfterMs) {
    if (suspects.size === 0 || deadline.remainingMs() < waitMs * 4) break;
    await sleep(waitMs);
    suspects = new Map([...(await readAgain(table, places, [...suspects.keys()], deadline))].filter(([, rows]) => differs(rows)));
  }
  const contradictions = await findContradictions(spec, table, places, sources.length, after, end, deadline);
  const differences = [...suspects].map(([key, rows]) => describe(table, key, rows, places));
  for (const { place, keys } of contradictions) {
    const rows = await table.rowsAt(place.host, place.shard, keys.filter((key) => !suspects.has(key)), deadline);
    differences.push(...rows.map((row) => describe(table, table.key(row), [row], [place])));
  }
  if (spec.kind !== 'diff') {
    await fix(spec, table, places, sources.length, suspects, deadline);
    for (const { place, keys } of contradictions) await table.write(place.host, place.shard, await table.rowsAt(place.host, place.shard, keys, deadline), deadline);
  }
  return { end, rows: Math.max(...pages.map((page) => page.length)), differences: differences.sort((a, b) => table.compareKeys(a.key, b.key)) };
}

function within(table: MovableTable, range: HashRange | undefined, rows: readonly unknown[]): readonly unknown[] {
  if (range === undefined) return rows;
  const hash = keyHash(range.hash);
  return rows.filter((row) => {
    const value = hash.hash(table.routingKey(row));
    return value >= range.from && value < range.to;
  });
}

const allSame = (table: MovableTable, rows: readonly unknown[]): boolean => rows.every((row) => row !== undefined && table.same(rows[0], row));

/** The places, among those from `firstTarget` on, that lack something that any place has. */
function lacking(table: MovableTable, rows: readonly unknown[], firstTarget: number): number[] {
  const known = rows.filter((row) => row !== undefined);
  const lacks = (row: unknown): boolean => (row === undefined ? known.length > 0 : known.some((other) => other !== row && table.lacks(row, other)));
  return rows.flatMap((row, at) => (at >= firstTarget && lacks(row) ? [at] : []));
}

async function readAgain(table: MovableTable, places: readonly Place[], keys: readonly string[], deadline: Deadline): Promise<Map<string, unknown[]>> {
  const pages = await Promise.all(places.map(({ host, shard }) => table.rowsAt(host, shard, keys, deadline)));
  const byKey = new Map(keys.map((key) => [key, new Array<unknown>(places.length).fill(undefined)]));
  for (const [at, rows] of pages.entries()) for (const row of rows) byKey.get(table.key(row))![at] = row;
  return byKey;
}

async function findContradictions(
  spec: MoveSpec,
  table: MovableTable,
  places: readonly Place[],
  firstTarget: number,
  after: string,
  end: string | undefined,
  deadline: Deadline,
): Promise<{ readonly place: Place; readonly keys: readonly string[] }[]> {
  if (table.contradictions === undefined) return [];
  const checked = spec.kind === 'verify' ? places.slice(firstTarget) : places;
  const found = await Promise.all(checked.map(async (place) => ({ place, keys: await table.contradictions!(place.host, place.shard, after, end, deadline) })));
  return found.filter(({ keys }) => keys.length > 0);
}

/** Writes what each place has of the rows to every place that lacks it. */
async function fix(spec: MoveSpec, table: MovableTable, places: readonly Place[], targets: number, suspects: ReadonlyMap<string, readonly unknown[]>, deadline: Deadline): Promise<void> {
  for (const from of places.keys()) {
    const write = async ({ host, shard }: Place, to: number): Promise<void> => {
      if (spec.kind === 'verify' && to < targets) return;
      const rows = [...suspects.values()].filter((rows) => isNeeded(table, rows, from, to)).map((rows) => rows[from]);
      if (rows.length > 0) await table.write(host, shard, rows, deadline);
    };
    await Promise.all(places.map(write));
  }
}

/** Whether the row of one place has to be written to another; to its own, where nothing is missing and yet it is not like the others: what is derived is found anew then. */
function isNeeded(table: MovableTable, rows: readonly unknown[], from: number, to: number): boolean {
  const [row, there] = [rows[from], rows[to]];
  if (row === undefined) return false;
  if (from !== to) return there === undefined || table.lacks(there, row);
  return rows.some((other) => other !== undefined && !table.same(row, other) && !table.lacks(row, other));
}

const describe = (table: MovableTable, key: string, rows: readonly unknown[], places: readonly Place[]): Difference => ({
  table: table.name,
  key,
  rows: Object.fromEntries(places.map(({ shard }, at) => [shardKey(shard.id), rows[at] === undefined ? null : table.describe(rows[at])])),
});
