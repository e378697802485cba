import { Deadline, groupBy, inOrder, RoostError } from '../core/index.js';
import { RowPace, shardKey, type Gizzard, type MovableTable, type MoveRates, type Route } from '../gizzard/index.js';
import type { RowObject } from './dumpRecord.js';
import { patiently } from './patiently.js';
import { parseHead, rowReader } from './rowLines.js';
import type { RestoreProgress } from './restoreState.js';
import type { Vault } from './vault.js';

const writeDeadlineMs = 60_000;

export interface RestoreRowsOptions {
  /** Objects restored at once. */
  readonly parallel: number;
  readonly rates: () => Promise<MoveRates>;
  readonly signal: AbortSignal;
  readonly onRows: (rows: number) => void;
}

/**
 * Merges the rows of a dump into all replicas of the trees that their keys now lead to. Stops at a damaged object
 * before any of its rows is written.
 */
export async function restoreRows(
  gizzard: Gizzard,
  vault: Vault,
  objects: readonly RowObject[],
  progress: RestoreProgress,
  { parallel, rates, signal, onRows }: RestoreRowsOptions,
): Promise<void> {
  // A row may need the rows of earlier tables.
  const sorted = [...objects].sort((a, b) => a.order - b.order || (a.name < b.name ? -1 : 1));
  const pace = new RowPace(
    gizzard.hosts.names.map((name) => gizzard.hosts.host(name)),
    rates,
    signal,
  );
  const restoreObject = async ({ name, rows: expected }: RowObject): Promise<void> => {
    const [first, ...lines] = await vault.lines(name);
    const head = parseHead(first, name);
    if (lines.length !== expected)
      throw new RoostError('DataLoss', `${name} holds ${lines.length} rows, and the dump names ${expected}`, {
        fields: { object: name },
      });
    const table = tableOf(gizzard, head.type, head.table);
    const { topology } = gizzard;
    const shard = topology.covers(head.tableId)
      ? topology.routes(head.tableId).flatMap(({ leaves }) => leaves)[0]?.shard
      : undefined;
    // The table was dropped by the moment that is restored.
    if (shard === undefined) return onRows(lines.length);
    const read = rowReader(name, head, table, shard);
    for (let at = 0; at < lines.length;) {
      signal.throwIfAborted();
      await pace.page(async (limit) => {
        const rows = lines.slice(at, at + limit).map(read);
        await patiently(signal, () => writeRows(gizzard, head.tableId, table, rows));
        at += rows.length;
        onRows(rows.length);
        return { end: undefined, rows: rows.length };
      });
    }
  };
  await inOrder(
    [...sorted.entries()].slice(progress.state.next),
    parallel,
    async ([place, object]) => {
      await restoreObject(object);
      return place + 1;
    },
    (next) => progress.reached(next),
  );
}

function tableOf(gizzard: Gizzard, type: string, name: string): MovableTable {
  const table = gizzard.shardType(type)?.moving?.tables.find((each) => each.name === name);
  if (table !== undefined) return table;
  throw new RoostError('FailedPrecondition', `this process knows no table ${name} of shards of type ${type}`, {
    fields: { type, table: name },
  });
}

async function writeRows(
  gizzard: Gizzard,
  tableId: number,
  table: MovableTable,
  rows: readonly unknown[],
): Promise<void> {
  const { topology, hosts } = gizzard;
  const deadline = Deadline.after(writeDeadlineMs);
  const byRoute = groupBy(rows, (row) => topology.route(tableId, table.routingKey(row)));
  await Promise.all(
    Array.from(byRoute, async ([route, own]) => {
      if (!takesRows(route)) return;
      await Promise.all(
        route.writable.map(({ shard }) => table.write(hosts.host(shard.id.hostname), shard, own, deadline)),
      );
    }),
  );
}

/** False if the tree discards writes on purpose: the keys that led to it were dropped. */
function takesRows({ root, writable, denied, leadsNowhere }: Route): boolean {
  if (denied.length === 0 && !leadsNowhere) return writable.length > 0;
  const why = denied.length > 0 ? `${denied[0]!.key} takes no writes` : 'it has no replica that takes writes';
  throw new RoostError('FailedPrecondition', `rows belong to ${shardKey(root.id)}, and ${why}`, {
    fields: { shard: shardKey(root.id) },
  });
}
