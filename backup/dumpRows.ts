import { Backoff, Deadline, inParallel, pause, RoostError } from '../core/index.js';
import { RowPace, type Gizzard, type MoveRates } from '../gizzard/index.js';
import type { DumpFiles } from './dumpFiles.js';
import { planDump, type DumpPart, type SavedTable } from './dumpParts.js';
import { headLine, rowLines } from './rowLines.js';

const pageDeadlineMs = 30_000;
/** The bytes of rows per object, before compression. A restore holds each object that it reads in memory. */
const objectBytes = 16 * 1024 * 1024;
/** Consecutive failed reads of a page: with the pauses some minutes, as long as a host may take to restart. */
const maxFailures = 60;
const [firstRetryMs, longestRetryMs] = [100, 5_000];
/** A migration that changes a tree during a dump causes another round for that tree. */
const maxRounds = 100;

export interface DumpRowsOptions {
  /** Trees read at once. */
  readonly parallel: number;
  readonly rates: () => Promise<MoveRates>;
  readonly signal: AbortSignal;
  readonly onRows: (rows: number) => void;
}

/**
 * Dumps a replica of each tree, page by page, while rows are written and trees move. Each page comes from a replica
 * that lacks no writes. Returns once every tree of the then current topology is in the files. Returns the shard types
 * that are not dumped, with the reasons.
 */
export async function dumpRows(
  gizzard: Gizzard,
  files: DumpFiles,
  options: DumpRowsOptions,
): Promise<readonly string[]> {
  for (let round = 0; round < maxRounds; round++) {
    await gizzard.nameServer.reload();
    const { parts, notSaved } = planDump(gizzard);
    const waiting = parts.filter(({ key }) => !files.part(key).done);
    if (waiting.length === 0) {
      await files.save();
      return notSaved;
    }
    try {
      await inParallel(waiting, options.parallel, (part) => dumpPart(gizzard, files, part, options));
    } finally {
      await files.save();
    }
  }
  throw new RoostError('Unavailable', `the trees changed during ${maxRounds} rounds of the dump: run it again later`);
}

async function dumpPart(
  gizzard: Gizzard,
  files: DumpFiles,
  part: DumpPart,
  { rates, signal, onRows }: DumpRowsOptions,
): Promise<void> {
  const { key, route, tables, tableId, type } = part;
  const hosts = [...new Set(route.leaves.map(({ shard }) => shard.id.hostname))].map((name) =>
    gizzard.hosts.host(name),
  );
  const pace = new RowPace(hosts, rates, signal);
  const backoff = new Backoff(firstRetryMs, longestRetryMs);
  let failed = 0;
  let { objects, order, after } = files.part(key);
  for (; order < tables.length; order++) {
    const table = tables[order]!;
    const saved = table.saved;
    const head = headLine({ tableId, type, table: table.name, columns: [...saved.columns] });
    let lines: string[] = [];
    let bytes = 0;
    let rows = 0;
    const flush = async (to: string): Promise<void> => {
      if (rows > 0) objects = [...objects, await files.put(head + lines.join(''), { rows, tableId, order })];
      await files.advance(key, { objects, order, after: to, done: false });
      [lines, bytes, rows] = [[], 0, 0];
    };
    for (let at: string | undefined = after; at !== undefined;) {
      signal.throwIfAborted();
      const from: string = at;
      try {
        at = await pace.page(async (limit) => {
          const page = await readPage(gizzard, part, table, from, limit);
          const text = rowLines(saved, page.rows);
          lines.push(text);
          bytes += text.length;
          rows += page.rows.length;
          onRows(page.rows.length);
          return { end: page.end, rows: page.rows.length };
        });
      } catch (error) {
        await gizzard.nameServer.reload();
        if (!planDump(gizzard).parts.some((each) => each.key === key)) {
          // The current topology has these rows in other trees.
          files.drop(key);
          return;
        }
        if (!(error instanceof RoostError && error.retryable) || ++failed >= maxFailures) throw error;
        await pause(backoff.next(), signal);
        continue;
      }
      failed = 0;
      backoff.reset();
      if (at !== undefined && bytes >= objectBytes) await flush(at);
    }
    await flush('');
    after = '';
  }
  await files.advance(key, { objects, order, after, done: true });
}

async function readPage(
  gizzard: Gizzard,
  { route }: DumpPart,
  table: SavedTable,
  after: string,
  limit: number,
): Promise<{ readonly end: string | undefined; readonly rows: readonly unknown[] }> {
  return gizzard.read(route, Deadline.after(pageDeadlineMs), async (host, { shard }, within) => {
    const end = await table.pageEnd(host, shard, after, limit, within);
    return { end, rows: await table.rows(host, shard, after, end, within) };
  });
}
