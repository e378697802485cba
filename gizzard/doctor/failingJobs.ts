import { Deadline, priorities } from '../../core/index.js';
import type { Check, Finding } from './check.js';

const lookDeadlineMs = 5_000;
/** Bad jobs of a priority that are examined. */
const badJobsLookedAt = 100;

/**
 * Failing and bad jobs that name no host, and paused queues. Jobs that name a host count as what its replicas lack.
 */
export const failingJobs: Check = {
  name: 'jobs',
  quick: true,
  async examine({ jobs, topology }) {
    const status = await Deadline.after(lookDeadlineMs).race(jobs.queues.status(), 'looking at the journal');
    return status.flatMap(({ priority, queued, hosts }): Finding[] => {
      const none = hosts.find(({ host }) => host === '');
      const findings: Finding[] = [];
      if (none !== undefined && none.bad.jobs > 0) {
        findings.push({
          kind: 'badJobs',
          subject: priority,
          message: `${none.bad.jobs} jobs of ${priority} priority were given up before they came to a host; \`roost job show ${priority} --queue bad\` shows why, and \`roost job retry\` tries them again`,
        });
      }
      if (none !== undefined && none.failing.jobs > 0) {
        findings.push({
          kind: 'failingJobs',
          subject: priority,
          message: `${none.failing.jobs} jobs of ${priority} priority fail before they come to a host; \`roost job show ${priority}\` shows why`,
        });
      }
      if (topology.state.pausedPriorities.includes(priority)) {
        findings.push({
          kind: 'pausedQueue',
          subject: priority,
          message: `jobs of ${priority} priority are paused, and ${queued.jobs} wait; \`roost job resume ${priority}\` goes on`,
        });
      }
      return findings;
    });
  },
};

/** Jobs damaged in the journal's Redis, or that are no jobs at all. No server applies them. */
export const damagedJobs: Check = {
  name: 'damaged jobs',
  quick: true,
  async examine({ jobs }) {
    const deadline = Deadline.after(lookDeadlineMs);
    const bad = await Promise.all(
      priorities.map(async (priority) => ({
        priority,
        damaged: (
          await deadline.race(jobs.queues.list(priority, 'bad', badJobsLookedAt), 'looking at the bad jobs')
        ).filter(({ contents }) => contents === undefined),
      })),
    );
    return bad.flatMap(({ priority, damaged: [first, ...others] }): Finding[] =>
      first === undefined
        ? []
        : [
            {
              kind: 'damagedJobs',
              subject: priority,
              message: `${others.length + 1} ${others.length === 0 ? 'job' : 'jobs'} of ${priority} priority cannot be read, such as ${first.id}: ${first.lastError}; what it wrote is lost, and \`roost job discard ${priority} --queue bad --ids ${first.id}\` forgets it. Look at the memory of the journal's Redis`,
            },
          ],
    );
  },
};
