import { Deadline, priorities } from '../../core/index.js';
import type { Metrics } from '../../process/index.js';
import type { JobQueues } from './jobQueues.js';
import type { Journal } from './journal.js';
import { unarchivedMs, type ArchiveLook, type JournalArchive } from './journalArchive.js';
import { laggingHosts, type LaggingHost } from './laggingHosts.js';
import type { LaggingLeaves } from './laggingLeaves.js';
import { waitedFor } from './unknownJobs.js';

const lookDeadlineMs = 2_000;

/**
 * Gauges of the journal by priority and host. They show nothing while Redis does not answer, except the one that says
 * so.
 */
export function jobMetrics(
  metrics: Metrics,
  journal: Journal,
  archive: JournalArchive,
  queues: JobQueues,
  lagging: LaggingLeaves,
): void {
  metrics.gauge(
    'roost_journal_up',
    "Whether the journal's Redis answers",
    [],
    async (gauge) => {
      const answers = journal.queued('high').then(
        () => 1,
        () => 0,
      );
      gauge.set(await answers);
    },
    'min',
  );
  metrics.gauge(
    'roost_jobs',
    'Jobs that are not applied yet, by where they wait; nothing while Redis does not answer',
    ['priority', 'queue'],
    async (gauge) => {
      gauge.reset();
      const looks = await Promise.allSettled(priorities.map((priority) => journal.queued(priority)));
      for (const [i, look] of looks.entries())
        if (look.status === 'fulfilled') gauge.set({ priority: priorities[i]!, queue: 'queued' }, look.value);
      const hosts = await lagging.look(Deadline.after(lookDeadlineMs)).then(
        (look) => look.hosts,
        () => undefined,
      );
      for (const priority of hosts === undefined ? [] : priorities) {
        const own = hosts!.filter((one) => one.priority === priority);
        for (const queue of ['failing', 'bad'] as const)
          gauge.set(
            { priority, queue },
            own.reduce((sum, one) => sum + one[queue], 0),
          );
      }
    },
  );
  metrics.gauge(
    'roost_jobs_unknown',
    'Failing jobs of a kind and version that no server could apply so far; nothing where none is',
    ['priority', 'kind', 'version'],
    async (gauge) => {
      gauge.reset();
      for (const { priority, host, failing } of (
        await lagging.look(Deadline.after(lookDeadlineMs)).catch(() => ({ hosts: [] }))
      ).hosts) {
        const waited = waitedFor(host);
        if (waited !== undefined && failing > 0)
          gauge.set({ priority, kind: waited.kind, version: String(waited.version) }, failing);
      }
    },
  );
  const byHost = (name: string, help: string, value: (host: LaggingHost) => number): void => {
    metrics.gauge(name, `${help}; nothing where none is`, ['host'], async (gauge) => {
      gauge.reset();
      for (const host of await laggingHosts(queues, lagging).catch(() => []))
        gauge.set({ host: host.host }, value(host));
    });
  };
  byHost(
    'roost_host_failing_jobs',
    'Jobs that failed on a database host and are tried again',
    ({ failing }) => failing,
  );
  byHost('roost_host_bad_jobs', 'Jobs that were given up on a database host', ({ bad }) => bad);
  byHost(
    'roost_host_oldest_job_seconds',
    'Age of the oldest job that failed on a database host',
    ({ oldestAgeMs }) => oldestAgeMs / 1_000,
  );
  byHost(
    'roost_host_lagging_shards',
    'Shards of a database host that lack writes and are read last',
    ({ leaves }) => leaves.length,
  );
  const ofBackup = (name: string, help: string, value: (look: ArchiveLook) => number | undefined): void => {
    metrics.gauge(name, help, [], async (gauge) => {
      gauge.reset();
      const look = await archive.look().catch(() => undefined);
      const now = look === undefined ? undefined : value(look);
      if (now !== undefined) gauge.set(now);
    });
  };
  ofBackup(
    'roost_backup_gap',
    'Whether accepted jobs are in no backup and never will be, since the archive of the journal ended',
    ({ gapMicros }) => (gapMicros === undefined ? 0 : 1),
  );
  ofBackup(
    'roost_backup_unarchived_jobs',
    'Accepted jobs that are in no backup yet; nothing where the journal is not archived',
    ({ to, jobs }) => (to === '' ? undefined : jobs),
  );
  ofBackup(
    'roost_backup_loss_seconds',
    'Age of the oldest accepted job that is in no backup yet: what is lost if everything burns down now; nothing where the journal is not archived',
    (look) => (look.to === '' ? undefined : unarchivedMs(look) / 1_000),
  );
}
