import { randomBytes } from 'node:crypto';
import type { Cluster, StoreLike } from '../cluster/index.js';
import { RoostError } from '../core/index.js';
import { followPurpose, type JournalArchive, type MoveRates } from '../gizzard/index.js';
import { alone } from './alone.js';
import { Archiver } from './archiver.js';
import { putCatalog, readCatalog } from './catalog.js';
import { DumpFiles } from './dumpFiles.js';
import {
  dumpFormat,
  dumpPath,
  readBegun,
  readProgress,
  recordOf,
  type DumpBegun,
  type WholeDump,
} from './dumpRecord.js';
import { dumpRows } from './dumpRows.js';
import { jobLine } from './jobLines.js';
import { padded } from './places.js';
import type { Vault } from './vault.js';

const waitingBytes = 8 * 1024 * 1024;

export interface ClusterDumpOptions {
  /** The release of Roost that made the dump, for people. */
  readonly release: string;
  /** Whether the journal stays archived once the dump is whole. */
  readonly follow: boolean;
  readonly parallel: number;
  readonly rates: () => Promise<MoveRates>;
  readonly signal: AbortSignal;
  readonly onRows?: (rows: number) => void;
}

export interface DumpReport {
  readonly whole: WholeDump;
  /** Rows that an earlier, killed run had dumped. */
  readonly rowsBefore: number;
  /** The latest moment that can be restored, in microseconds of the journal. */
  readonly untilMicros: bigint;
}

/**
 * Dumps a cluster: a replica of each tree, the jobs that were waiting at the start, and all jobs accepted from the
 * start to the end. Continues a killed dump if its archive has no gap. Throws `FailedPrecondition` if another process
 * takes a dump.
 */
export function runDump(
  cluster: Cluster<readonly StoreLike[]>,
  vault: Vault,
  options: ClusterDumpOptions,
): Promise<DumpReport> {
  return alone(cluster.gizzard.jobs.archive, 'dump', options.signal, (signal) =>
    dumpAlone(cluster, vault, { ...options, signal }),
  );
}

async function dumpAlone(
  cluster: Cluster<readonly StoreLike[]>,
  vault: Vault,
  { release, follow, parallel, rates, signal, onRows = () => undefined }: ClusterDumpOptions,
): Promise<DumpReport> {
  const { gizzard } = cluster;
  const { archive } = gizzard.jobs;
  const { begun, files } = (await unfinished(vault, archive)) ?? (await begin(vault, archive, follow));
  if (follow) await archive.begin(vault.url, followPurpose);
  const archiver = new Archiver(archive, vault);
  const rowsBefore = files.rows;
  onRows(rowsBefore);
  const notSaved = await whileArchiving(archiver, signal, (both) =>
    dumpRows(gizzard, files, { parallel, rates, signal: both, onRows }),
  );
  const catalog = await readCatalog(cluster);
  const catalogName = await putCatalog(vault, catalog);
  const { epoch, accepted, micros } = await archive.look();
  if (epoch !== begun.begun.epoch)
    throw new RoostError(
      'FailedPrecondition',
      'the journal lost jobs while the cluster was dumped, and a new epoch was begun: run the dump again',
    );
  const { look } = await archiver.step();
  await archiver.mark(look);
  const { objects } = files;
  const whole: WholeDump = {
    ...begun,
    release,
    ended: { epoch, accepted, micros },
    catalog: catalogName,
    objects: [...objects],
    notSaved: [...notSaved],
  };
  await vault.putJson(dumpPath(begun.id, 'whole'), whole);
  if (!follow) await archive.end(purposeOf(begun.id));
  await removeProgress(vault, begun.id);
  return { whole, rowsBefore, untilMicros: look.micros };
}

const purposeOf = (id: string): string => `dump ${id}`;

/** Archives the journal during some work, so that few jobs wait in Redis. */
async function whileArchiving<T>(
  archiver: Archiver,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const failed = new AbortController();
  let ended = false;
  const archiving = (async () => {
    while (!ended) {
      await archiver.step().catch((error: unknown) => {
        if (!RoostError.from(error).retryable) throw error;
      });
      for (let waits = 0; waits < 20 && !ended; waits++) await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })().catch((error: unknown) => failed.abort(error));
  try {
    return await work(AbortSignal.any([signal, failed.signal]));
  } catch (error) {
    throw failed.signal.aborted && !signal.aborted ? failed.signal.reason : error;
  } finally {
    ended = true;
    await archiving;
  }
}

interface Started {
  readonly begun: DumpBegun;
  readonly files: DumpFiles;
}

/** The newest unfinished dump, if the archive has all jobs since its start. */
async function unfinished(vault: Vault, archive: JournalArchive): Promise<Started | undefined> {
  const records = (await vault.list('dumps/')).flatMap(({ name }) => {
    const record = recordOf(name);
    return record === undefined ? [] : [{ ...record, name }];
  });
  const begins = records.filter(
    ({ id, what }) => what === 'begun' && !records.some((one) => one.id === id && one.what === 'whole'),
  );
  const newest = begins.at(-1);
  if (newest === undefined) return undefined;
  const begun = await readBegun(vault, newest.name);
  const look = await archive.look();
  const goesOn =
    look.epoch === begun.begun.epoch &&
    look.to === vault.url &&
    look.since <= begun.begun.accepted &&
    [followPurpose, purposeOf(begun.id)].includes(look.purpose);
  if (!goesOn) return undefined;
  const name = records.filter(({ id, what }) => id === begun.id && what === 'progress').at(-1)?.name;
  const before = name === undefined ? undefined : { name, progress: await readProgress(vault, name) };
  return { begun, files: new DumpFiles(vault, begun.id, before) };
}

async function begin(vault: Vault, archive: JournalArchive, follow: boolean): Promise<Started> {
  // Ids sort by time. The suffix tells apart dumps of the same second, such as from a machine whose clock is behind.
  const id = `${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}_${randomBytes(2).toString('hex')}`;
  const {
    copies,
    purpose: _purpose,
    ...place
  } = await archive.begin(vault.url, follow ? followPurpose : purposeOf(id), id);
  const waiting: string[] = [];
  let lines: string[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    if (lines.length === 0) return;
    waiting.push((await vault.putLines(dumpPath(id, `waiting-${padded(waiting.length)}`), lines.join(''))).name);
    [lines, bytes] = [[], 0];
  };
  for await (const page of archive.waiting(copies)) {
    for (const [, fields] of page) {
      if (fields === null) continue;
      // Waiting jobs have no number: they were accepted before the first numbered job.
      const line = jobLine({ number: 0, micros: place.micros, fields });
      lines.push(line);
      bytes += line.length;
    }
    if (bytes >= waitingBytes) await flush();
  }
  await flush();
  await archive.forget(copies);
  const begun: DumpBegun = { format: dumpFormat, id, begun: place, waiting };
  await vault.putJson(dumpPath(id, 'begun'), begun);
  return { begun, files: new DumpFiles(vault, id) };
}

async function removeProgress(vault: Vault, id: string): Promise<void> {
  for (const { name } of await vault.list(dumpPath(id, '')))
    if (recordOf(name)?.what === 'progress') await vault.remove(name);
}
