import type { Deadline } from '../core/index.js';
import type { NewJob } from '../gizzard/index.js';

/** A job of another system, parsed from its text. */
export interface ForeignJob {
  /** Whether it is a copy from another cluster, which is not copied further. */
  readonly replicated: boolean;
}

/** Jobs of another system, which the job injector accepts beside ours. */
export interface ForeignJobs {
  /** Undefined for text that is no job of that system. Throws `InvalidArgument` for a malformed one. */
  parse(json: string): ForeignJob | undefined;
  /** Our jobs with the same effect as parsed ones. */
  toJobs(jobs: readonly ForeignJob[], deadline: Deadline): Promise<readonly NewJob[]>;
}
