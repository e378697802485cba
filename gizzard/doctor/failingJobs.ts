import { Deadline } from '../../core/index.js';
import type { Check, Finding } from './check.js';

const lookDeadlineMs = 5_000;

/** Failing and bad jobs that name no host, and queues that are paused. Those of a host are what its replicas lack. */
export const failingJobs: Check = {
  name: 'jobs',
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
