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
  /**
   * The age of the oldest job that was in no destination before this step: the most that a total loss would have
   * cost.
   */
  readonly lossMs: number;
}

export interface FollowOptions {
  /** The pause between two steps. It bounds the loss, in time, while the destination keeps up. */
  readonly everyMs: number;
  readonly signal: AbortSignal;
  readonly onStep: (step: Followed) => void;
  /** Called if a step fails and is retried. */
  readonly onTrouble: (error: RoostError) => void;
}

/**
 * The newest whole dump after which the archive has every job; undefined if there is none and a new dump is needed.
 */
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
 * Copies jobs to the destination as the journal accepts them, and the state of the cluster whenever it changes, until
 * the signal is aborted. Throws `FailedPrecondition` if the archive was stopped: some jobs are then in no backup, and
 * a new dump is needed.
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
