import type { ForeignJobs } from '../../server/index.js';
import type { Flock } from '../flock.js';
import { flockdbJobs, writesOf, type OriginalJobs } from './flockdbJobs.js';
import { keepPlaces } from './keepPlaces.js';

/** FlockDB's own jobs, as the job injector takes them: they become writes of edges. */
export const injectedFlockdb = (flock: Pick<Flock, 'jobsOf' | 'edges'>): ForeignJobs => ({
  parse: flockdbJobs,
  async toJobs(jobs, deadline) {
    const { batch, unplaced } = writesOf(jobs as readonly OriginalJobs[]);
    if (batch.length === 0) return [];
    await keepPlaces(flock, unplaced);
    return flock.jobsOf(batch, deadline);
  },
});
