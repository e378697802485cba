import { unknownJobsText } from '../jobs/unknownJobs.js';
import type { Check } from './check.js';

/**
 * Jobs that no server of the cluster can apply yet, by kind and version. None is lost: they wait for a server that
 * can.
 */
export const unknownJobs: Check = {
  name: 'jobs of unknown kinds',
  quick: true,
  async examine({ jobs }) {
    return (await jobs.unknown()).map((unknown) => ({
      kind: 'unknownJobs',
      subject: `${unknown.kind} ${unknown.version}`,
      message: `${unknownJobsText(unknown)}: start one, or upgrade those that run; \`roost job list\` shows them`,
    }));
  },
};
