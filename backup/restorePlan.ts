import { RoostError } from '../core/index.js';
import { segmentsFrom, type Backup, type Backups } from './backups.js';
import { getCatalog, type Catalog } from './catalog.js';
import { parseJobLine } from './jobLines.js';
import { placedOf, type JournalSegment } from './places.js';
import type { Vault } from './vault.js';

/** All that a restore takes. */
export interface RestorePlan {
  readonly backup: Backup;
  /** The last job that is part of it, by its number. */
  readonly through: number;
  /** Behind the jobs of the dump itself. */
  readonly segments: readonly JournalSegment[];
  /** What the cluster was at that moment; behind it what it was when it was next looked at, where it was: a table of that moment may stand in that one alone. */
  readonly catalogs: readonly Catalog[];
  /** No time in any row or job that the journal gave is later. */
  readonly latestMicros: bigint;
}

/** Throws `DataLoss` where an object that is needed to plan is damaged. */
export async function planRestore(
  vault: Vault,
  { segments, catalogs }: Backups,
  backup: Backup,
  atMicros: bigint,
): Promise<RestorePlan> {
  const { begun, ended, catalog } = backup.dump;
  const chain = segmentsFrom(segments, begun.epoch, begun.accepted + 1);
  const { through, latestMicros } = await lastJob(vault, chain, ended, atMicros);
  const own = placedOf('catalogs', { name: catalog, bytes: 0 })!;
  const later = catalogs.filter(({ epoch, accepted }) => epoch === begun.epoch && accepted >= own.accepted);
  const inForce = later.filter(({ accepted }) => accepted <= through).at(-1) ?? own;
  const next = later.find(({ accepted }) => accepted > through);
  return {
    backup,
    through,
    segments: chain.filter(({ first }) => first <= through),
    catalogs: await Promise.all(
      [inForce, ...(next === undefined ? [] : [next])].map((each) => getCatalog(vault, each)),
    ),
    latestMicros,
  };
}

/** Jobs are taken in the order in which they were accepted, up to the first that is later than the moment: what was accepted behind it may rest on it. */
async function lastJob(
  vault: Vault,
  chain: readonly JournalSegment[],
  ended: { readonly accepted: number; readonly micros: bigint },
  atMicros: bigint,
): Promise<{ readonly through: number; readonly latestMicros: bigint }> {
  let through = ended.accepted;
  let latestMicros = ended.micros;
  for (const segment of chain) {
    if (segment.last <= ended.accepted) continue;
    if (segment.untilMicros <= atMicros) {
      through = segment.last;
      if (segment.untilMicros > latestMicros) latestMicros = segment.untilMicros;
      continue;
    }
    for (const line of await vault.lines(segment.name)) {
      const { number, micros } = parseJobLine(line, segment.name);
      if (number <= through) continue;
      if (number !== through + 1)
        throw new RoostError('DataLoss', `${segment.name} lacks job ${through + 1}`, {
          fields: { object: segment.name },
        });
      if (micros > atMicros) break;
      through = number;
      if (micros > latestMicros) latestMicros = micros;
    }
    break;
  }
  return { through, latestMicros };
}
