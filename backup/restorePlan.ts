import { RoostError } from '../core/index.js';
import { segmentsFrom, type Backup, type Backups } from './backups.js';
import { getCatalog, type Catalog } from './catalog.js';
import { parseJobLine } from './jobLines.js';
import { placedOf, type JournalSegment } from './places.js';
import type { Vault } from './vault.js';

/** Everything that a restore needs. */
export interface RestorePlan {
  readonly backup: Backup;
  /** The number of the last job to restore. */
  readonly through: number;
  /** Segments with the jobs accepted since the dump started. */
  readonly segments: readonly JournalSegment[];
  /**
   * The state of the cluster at the moment, then the next recorded state, if any: a table of the moment may be only
   * in the latter.
   */
  readonly catalogs: readonly Catalog[];
  /** No journal time in a row or job is later. */
  readonly latestMicros: bigint;
}

/** Throws `DataLoss` if an object that the plan needs is damaged. */
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

/**
 * Finds the last job to restore. Jobs are taken in the order of acceptance, up to the first that is later than the
 * moment: jobs accepted after it may depend on it.
 */
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
