import { inParallel, RoostError } from '../core/index.js';
import { reachOf, type Backups } from './backups.js';
import { parseJobLine } from './jobLines.js';
import { segmentOf } from './places.js';
import type { Vault } from './vault.js';

const atOnce = 4;

export interface VerifyReport {
  readonly objects: number;
  readonly bytes: number;
  /** Sentences, each describing a fault. */
  readonly faults: readonly string[];
  readonly dumps: readonly Restorable[];
}

/** The moments to which the undamaged objects can restore a dump, in microseconds; none without `untilMicros`. */
export interface Restorable {
  readonly dump: string;
  readonly fromMicros: bigint;
  readonly untilMicros: bigint | undefined;
}

export interface VerifyOptions {
  /** The dump to verify, with the jobs after it. Absent: everything. */
  readonly dump?: string | undefined;
  readonly signal: AbortSignal;
  readonly onObject?: () => void;
}

/**
 * Reads every object of a destination and compares it with the checksum in its name. Also finds missing objects, rows
 * and jobs.
 */
export async function verifyBackups(
  vault: Vault,
  { whole, objects, segments, catalogs, marks }: Backups,
  { dump: id, signal, onObject = () => undefined }: VerifyOptions,
): Promise<VerifyReport> {
  const faults: string[] = [];
  const wanted = whole.filter(({ dump }) => id === undefined || dump.id === id);
  const listed = new Set(objects.map(({ name }) => name));
  const damaged = new Set<string>();
  const verified =
    id === undefined
      ? objects
      : objects.filter(({ name }) => name.startsWith(`dumps/${id}/`) || !name.startsWith('dumps/'));
  const rowsOf = new Map(wanted.flatMap(({ dump }) => dump.objects.map(({ name, rows }) => [name, rows] as const)));
  const verify = async (name: string): Promise<void> => {
    signal.throwIfAborted();
    try {
      await verifyObject(vault, name, rowsOf.get(name), faults);
    } catch (error) {
      if (!(error instanceof RoostError)) throw error;
      if (error.code !== 'DataLoss' && error.code !== 'NotFound') throw error;
      damaged.add(name);
      faults.push(error.message);
    }
    onObject();
  };
  await inParallel(verified, atOnce, ({ name }) => verify(name));
  const dumps: Restorable[] = [];
  const readable = segments.filter(({ name }) => !damaged.has(name));
  for (const { dump, gap, untilMicros } of wanted) {
    const missing = [...dump.objects.map(({ name }) => name), ...dump.waiting, dump.catalog].filter(
      (name) => !listed.has(name),
    );
    for (const name of missing) faults.push(`${name} of dump ${dump.id} is missing`);
    if (gap !== undefined)
      faults.push(
        `jobs ${gap.from} to ${gap.to} of the journal are missing behind dump ${dump.id}${untilMicros === undefined ? ', which cannot be restored' : ''}`,
      );
    // Any moment after the dump may need the damaged catalog.
    const needed = [
      ...dump.objects.map(({ name }) => name),
      ...dump.waiting,
      ...catalogs
        .filter(({ epoch, accepted }) => epoch === dump.begun.epoch && accepted >= dump.begun.accepted)
        .map(({ name }) => name),
    ];
    const isWhole = missing.length === 0 && !needed.some((name) => damaged.has(name));
    dumps.push({
      dump: dump.id,
      fromMicros: dump.ended.micros,
      untilMicros: isWhole ? reachOf(dump, readable, marks).untilMicros : undefined,
    });
  }
  return { objects: verified.length, bytes: verified.reduce((sum, { bytes }) => sum + bytes, 0), faults, dumps };
}

/** @param rows the number of rows in an object of a dump; undefined for other objects */
async function verifyObject(vault: Vault, name: string, rows: number | undefined, faults: string[]): Promise<void> {
  const segment = segmentOf({ name, bytes: 0 });
  if (rows !== undefined) {
    const lines = (await vault.lines(name)).length - 1;
    if (lines !== rows) throw new RoostError('DataLoss', `${name} holds ${lines} rows, and its dump names ${rows}`);
    return;
  }
  if (segment === undefined) {
    await vault.bytes(name);
    return;
  }
  let next = segment.first;
  for (const line of await vault.lines(name)) {
    const { number, job } = parseJobLine(line, name);
    if (number !== next++) throw new RoostError('DataLoss', `${name} lacks job ${next - 1}`);
    if ('damaged' in job) faults.push(`job ${number} in ${name} was damaged in the journal already: ${job.damaged}`);
  }
  if (next !== segment.last + 1) throw new RoostError('DataLoss', `${name} lacks job ${next}`);
}
