import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, StoreLike } from '../cluster/index.js';
import { Deadline, RoostError } from '../core/index.js';
import { shardKey, type Gizzard, type MoveRates } from '../gizzard/index.js';
import { alone } from './alone.js';
import { isSaved } from './dumpParts.js';
import { restoreJobs, type LeftOut } from './restoreJobs.js';
import type { RestorePlan } from './restorePlan.js';
import { restoreRows } from './restoreRows.js';
import { readRestoreState, RestoreProgress, type RestoreState } from './restoreState.js';
import { restoreTables } from './restoreTables.js';
import type { Vault } from './vault.js';

const lookDeadlineMs = 10_000;
const lookEveryMs = 100;
/** If no failing job ends for this long, the servers are left to retry them. */
const patienceMs = 60_000;

export interface RestoreOptions {
  /** The moment, as text for people. */
  readonly at: string;
  readonly parallel: number;
  readonly rates: () => Promise<MoveRates>;
  readonly signal: AbortSignal;
  readonly onPhase?: (phase: RestoreState['phase'], total: number) => void;
  /** Called with the number of rows, or of jobs, restored since the last call. */
  readonly onDone?: (count: number) => void;
}

export interface RestoreReport extends LeftOut {
  /** True if an earlier run had restored everything, and this run did nothing. */
  readonly already: boolean;
  /** Tables that the restore created. */
  readonly made: readonly string[];
  /** Jobs that still fail. `bad`: jobs that were given up. */
  readonly failing: number;
  readonly bad: number;
}

/**
 * Restores into a cluster without rows, of any number of hosts and shards: first tables, then rows, then the jobs up
 * to the moment. Continues a run that was killed. Throws `FailedPrecondition` if the cluster holds anything else or
 * another process restores into it, `DataLoss` if an object is damaged. Nothing of a damaged object is applied.
 *
 * @param cluster one whose process works on jobs
 */
export function restoreCluster(
  cluster: Cluster<readonly StoreLike[]>,
  vault: Vault,
  plan: RestorePlan,
  options: RestoreOptions,
): Promise<RestoreReport> {
  return alone(cluster.gizzard.jobs.archive, 'restore', options.signal, (signal) =>
    restoreAlone(cluster, vault, plan, { ...options, signal }),
  );
}

async function restoreAlone(
  cluster: Cluster<readonly StoreLike[]>,
  vault: Vault,
  plan: RestorePlan,
  { at, parallel, rates, signal, onPhase = () => undefined, onDone = () => undefined }: RestoreOptions,
): Promise<RestoreReport> {
  const { gizzard } = cluster;
  const { archive } = gizzard.jobs;
  const { dump } = plan.backup;
  const wanted = { dump: dump.id, from: `${vault.url} (${vault.cluster})`, through: plan.through };
  await gizzard.nameServer.reload();
  const before = await readRestoreState(archive);
  if (before === undefined) await requireEmpty(gizzard);
  else requireTheSame(before, wanted);
  const progress = new RestoreProgress(archive, before ?? { ...wanted, at, phase: 'tables', next: 0 });
  const report = {
    made: [] as readonly string[],
    withoutTable: new Map<string, number>(),
    damaged: [] as LeftOut['damaged'],
  };
  if (progress.state.phase === 'tables') {
    await progress.enter('tables');
    await archive.raiseClock(plan.latestMicros);
    for (const { store, opened } of cluster.opened) {
      const saved = plan.catalogs.map(({ stores }) => stores[store.name]).filter((each) => each !== undefined);
      if (saved.length > 0) await store.backup?.prepare(opened, saved, plan.latestMicros);
    }
    report.made = await restoreTables(gizzard, plan.catalogs);
    await progress.enter('rows');
  }
  if (progress.state.phase === 'rows') {
    onPhase(
      'rows',
      dump.objects.reduce((sum, { rows }) => sum + rows, 0),
    );
    await restoreRows(gizzard, vault, dump.objects, progress, { parallel, rates, signal, onRows: onDone });
    await progress.enter('jobs');
  }
  let leftOut: LeftOut = report;
  if (progress.state.phase === 'jobs') {
    onPhase('jobs', plan.through - dump.begun.accepted);
    leftOut = await restoreJobs(gizzard, vault, plan, progress, signal, onDone);
    await progress.enter('done');
  }
  const { failing, bad } = await untilApplied(gizzard, signal);
  return { ...report, ...leftOut, already: before?.phase === 'done', failing, bad };
}

/** Throws `FailedPrecondition` if a shard holds rows, or the journal holds jobs. */
async function requireEmpty(gizzard: Gizzard): Promise<void> {
  const { topology, jobs, hosts } = gizzard;
  const { queued, failing, bad } = await jobs.status();
  if (queued.high + queued.medium + queued.low + failing + bad > 0) throw notEmpty('jobs wait in its journal', {});
  const leaves = new Map(
    topology.tables.flatMap(({ tableId }) =>
      topology.routes(tableId).flatMap(({ leaves: own }) => own.map(({ key, shard }) => [key, shard] as const)),
    ),
  );
  for (const shard of leaves.values()) {
    for (const table of (gizzard.shardType(shard.type)?.moving?.tables ?? []).filter(isSaved)) {
      const host = hosts.host(shard.id.hostname);
      if ((await table.pageEnd(host, shard, '', 1, Deadline.after(lookDeadlineMs))) !== undefined)
        throw notEmpty(`shard ${shardKey(shard.id)} holds rows`, { shard: shardKey(shard.id) });
    }
  }
}

const notEmpty = (why: string, fields: Readonly<Record<string, string>>): RoostError =>
  new RoostError(
    'FailedPrecondition',
    `the cluster is not empty: ${why}. A restore goes into a new one: give it another \`cluster\` in the configuration`,
    { fields },
  );

function requireTheSame(
  { dump, from, through, at }: RestoreState,
  wanted: Pick<RestoreState, 'dump' | 'from' | 'through'>,
): void {
  if (dump === wanted.dump && from === wanted.from && through === wanted.through) return;
  throw new RoostError(
    'FailedPrecondition',
    `dump ${dump} of ${from} is restored into this cluster, to ${at}: go on with that, or take a new cluster`,
    { fields: { dump, from } },
  );
}

/** Waits until no job is queued, and only jobs that fail repeatedly are left. */
async function untilApplied(
  { jobs }: Gizzard,
  signal: AbortSignal,
): Promise<{ readonly failing: number; readonly bad: number }> {
  let least = Infinity;
  let sinceMs = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const { queued, failing, bad } = await jobs.status();
    const left = queued.high + queued.medium + queued.low + failing;
    if (left === 0) return { failing, bad };
    if (left < least) [least, sinceMs] = [left, performance.now()];
    if (performance.now() - sinceMs > patienceMs) return { failing, bad };
    await sleep(lookEveryMs);
  }
}
