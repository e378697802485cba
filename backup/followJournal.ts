import type { Cluster, StoreLike } from '../cluster/index.js';
import { pause, RoostError } from '../core/index.js';
import { followPurpose, unarchivedMs, type JournalArchive } from '../gizzard/index.js';
import { Archiver } from './archiver.js';
import { catalogContent, putCatalog, readCatalog } from './catalog.js';
import { listBackups, type Backup } from './backups.js';
import type { Vault } from './vault.js';

export interface Followed {
  /** Jobs that this step has written. */
  readonly jobs: number;
  /** The moment up to which the destination has every job, in microseconds of the journal. */
  readonly untilMicros: bigint;
  /** How old the oldest job was that was in no destination: what would have been lost at most, had everything burnt down before this step. */
  readonly lossMs: number;
}

export interface FollowOptions {
  /** The pause between two steps: the seconds of loss that remain, as long as the destination keeps up. */
  readonly everyMs: number;
  readonly signal: AbortSignal;
  readonly onStep: (step: Followed) => void;
  /** A step failed, and is tried again. */
  readonly onTrouble: (error: RoostError) => void;
}

/** The newest whole dump behind which the archive has every job; undefined where there is none, so that a new one is needed. */
export async function followedDump(vault: Vault, archive: JournalArchive): Promise<Backup | undefined> {
  const look = await archive.look();
  if (look.to !== vault.url || look.purpose !== followPurpose) return undefined;
  const { whole } = await listBackups(vault);
  return whole
    .filter(
      ({ dump: { begun }, gap, untilMicros }) =>
        begun.epoch === look.epoch && begun.accepted >= look.since && gap === undefined && untilMicros !== undefined,
    )
    .at(-1);
}

/**
 * Takes the journal's jobs to the destination as they are accepted, and what the cluster is whenever that changes, until the signal. Throws `FailedPrecondition` where the archive was ended: some jobs
 * are in no backup then, and a new dump is needed.
 */
export async function followJournal(
  cluster: Cluster<readonly StoreLike[]>,
  vault: Vault,
  { everyMs, signal, onStep, onTrouble }: FollowOptions,
): Promise<void> {
  const archiver = new Archiver(cluster.gizzard.jobs.archive, vault);
  let content = '';
  do {
    try {
      const catalog = await readCatalog(cluster);
      const now = catalogContent(catalog);
      if (now !== content) await putCatalog(vault, catalog);
      content = now;
      const { jobs, look } = await archiver.step();
      await archiver.mark(look);
      onStep({ jobs, untilMicros: look.micros, lossMs: unarchivedMs(look) });
    } catch (error) {
      const trouble = RoostError.from(error);
      if (!trouble.retryable) throw trouble;
      onTrouble(trouble);
    }
    await pause(everyMs, signal);
  } while (!signal.aborted);
  await archiver.step();
}
