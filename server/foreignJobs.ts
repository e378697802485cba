import type { Deadline } from '../core/index.js';
import type { NewJob } from '../gizzard/index.js';

/** A job of another system, as its text says it. */
export interface ForeignJob {
  /** Whether it is a copy from another cluster, which is not copied on. */
  readonly replicated: boolean;
}

/** Jobs of another system, which the job injector takes beside ours. */
export interface ForeignJobs {
  /** Undefined where the text is no job of that system. Throws `InvalidArgument` for a bad one. */
  parse(json: string): ForeignJob | undefined;
  /** The jobs of ours that do the same as some that `parse` gave. */
  toJobs(jobs: readonly ForeignJob[], deadline: Deadline): Promise<readonly NewJob[]>;
}
