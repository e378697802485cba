import { RoostError } from '../../core/index.js';
import type { Jobs } from '../jobs/jobs.js';
import { unknownJobsText } from '../jobs/unknownJobs.js';
import type { Finding } from './doctor.js';

/** Jobs that no server of the cluster could apply so far, by kind and version. Nothing of them is lost: they wait for a server that knows them. */
export async function unknownJobFindings(jobs: Jobs): Promise<Finding[]> {
  try {
    return (await jobs.unknown()).map((unknown) => ({
      kind: 'unknownJobs',
      subject: `${unknown.kind} ${unknown.version}`,
      message: `${unknownJobsText(unknown)}: start one, or upgrade those that run; \`roost job list\` shows them`,
    }));
  } catch (error) {
    return [{ kind: 'unknownJobs', subject: 'journal', message: `whether jobs wait for a server that knows them cannot be told: ${RoostError.from(error).message}` }];
  }
}
