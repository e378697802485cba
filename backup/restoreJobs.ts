import { Deadline, isRoostError } from '../core/index.js';
import type { Gizzard, NewJob } from '../gizzard/index.js';
import { parseJobLine } from './jobLines.js';
import { patiently } from './patiently.js';
import type { RestorePlan } from './restorePlan.js';
import type { RestoreProgress } from './restoreState.js';
import type { Vault } from './vault.js';

const jobsAtOnce = 200;
const bytesAtOnce = 2 * 1024 * 1024;
const appendDeadlineMs = 30_000;

/** Jobs that were not replayed. */
export interface LeftOut {
  /** Jobs of tables that did not exist at the restored moment, by table. */
  readonly withoutTable: ReadonlyMap<string, number>;
  /** Jobs already damaged in the journal: their numbers among the jobs of their epoch, and their faults. */
  readonly damaged: readonly { readonly number: number; readonly why: string }[];
}

/**
 * Journals the jobs of a backup up to its moment: those that were waiting when the dump started, and those accepted
 * since.
 */
export async function restoreJobs(
  gizzard: Gizzard,
  vault: Vault,
  { backup, segments, through }: RestorePlan,
  progress: RestoreProgress,
  signal: AbortSignal,
  onJobs: (jobs: number) => void,
): Promise<LeftOut> {
  const withoutTable = new Map<string, number>();
  const damaged: { number: number; why: string }[] = [];
  const objects = [...backup.dump.waiting, ...segments.map(({ name }) => name)];
  const append = (jobs: readonly NewJob[]): Promise<void> =>
    patiently(signal, () =>
      gizzard.jobs.append(jobs, {
        priority: 'high',
        waitUntilApplied: false,
        replicate: false,
        deadline: Deadline.after(appendDeadlineMs),
      }),
    );
  const restoreObject = async (name: string): Promise<void> => {
    let jobs: NewJob[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      if (jobs.length > 0) await append(jobs);
      onJobs(jobs.length);
      [jobs, bytes] = [[], 0];
    };
    for (const line of await vault.lines(name)) {
      const { number, job } = parseJobLine(line, name);
      if (number > through) break;
      if ('damaged' in job) {
        damaged.push({ number, why: job.damaged });
        continue;
      }
      const missing = missingTable(gizzard, job);
      if (missing === 'derived') continue;
      if (missing !== undefined) {
        withoutTable.set(missing, (withoutTable.get(missing) ?? 0) + 1);
        continue;
      }
      jobs.push(job);
      bytes += job.payload.length;
      if (jobs.length >= jobsAtOnce || bytes >= bytesAtOnce) await flush();
    }
    await flush();
  };
  for (let place = progress.state.next; place < objects.length; place++) {
    await restoreObject(objects[place]!);
    await progress.reached(place + 1);
  }
  return { withoutTable, damaged };
}

/**
 * `derived` if the job's writes are derived again; otherwise the job's first table that is missing here; undefined if
 * none is. A job that cannot be split is left to the workers.
 */
function missingTable(gizzard: Gizzard, { kind, payload, version = 1 }: NewJob): string | undefined {
  const type = gizzard.jobType(kind);
  if (type?.derived === true) return 'derived';
  let missing: string | undefined;
  try {
    type?.split?.(
      payload,
      (tableId) => {
        if (!gizzard.topology.covers(tableId)) missing ??= String(tableId);
      },
      version,
    );
  } catch (error) {
    if (!isRoostError(error)) throw error;
  }
  return missing;
}
