import { Deadline, type Metrics } from '../../core/index.js';
import { hostOfLeaf, type LaggingLeaves } from './laggingLeaves.js';
import type { Journal } from './journal.js';
import { priorities } from './priority.js';

const lookDeadlineMs = 2_000;

/** What the journal holds, by priority and by host. Gauges show nothing while Redis does not answer, but for the one that says so. */
export function jobMetrics(metrics: Metrics, journal: Journal, lagging: LaggingLeaves): void {
  metrics.gauge('roost_journal_up', "Whether the journal's Redis answers", [], async (gauge) => {
    const answers = journal.queued('high').then(
      () => 1,
      () => 0,
    );
    gauge.set(await answers);
  });
  metrics.gauge('roost_jobs', 'Jobs that are not applied yet, by where they wait; nothing while Redis does not answer', ['priority', 'queue'], async (gauge) => {
    gauge.reset();
    const looks = await Promise.allSettled(priorities.map((priority) => journal.queued(priority)));
    for (const [i, look] of looks.entries()) if (look.status === 'fulfilled') gauge.set({ priority: priorities[i]!, queue: 'queued' }, look.value);
    const hosts = await hostJobs(lagging);
    for (const priority of priorities) {
      if (hosts === undefined) continue;
      const own = hosts.hosts.filter((one) => one.priority === priority);
      for (const queue of ['failing', 'bad'] as const) gauge.set({ priority, queue }, own.reduce((sum, one) => sum + one[queue], 0));
    }
  });
  metrics.gauge('roost_host_jobs', 'Failing and bad jobs by the database host on which they failed', ['host', 'priority', 'queue'], async (gauge) => {
    gauge.reset();
    for (const { host, priority, failing, bad } of (await hostJobs(lagging))?.hosts ?? []) {
      if (host === '') continue;
      gauge.set({ host, priority, queue: 'failing' }, failing);
      gauge.set({ host, priority, queue: 'bad' }, bad);
    }
  });
  metrics.gauge('roost_lagging_leaves', 'Shards by database host that lack writes, and are read last', ['host'], async (gauge) => {
    gauge.reset();
    for (const leaf of (await hostJobs(lagging))?.leaves.keys() ?? []) gauge.inc({ host: hostOfLeaf(leaf) });
  });
}

const hostJobs = (lagging: LaggingLeaves): Promise<Awaited<ReturnType<LaggingLeaves['look']>> | undefined> => lagging.look(Deadline.after(lookDeadlineMs)).catch(() => undefined);
