import type { Priority } from '../../core/index.js';
import type { JobsConfig, Log } from '../../process/index.js';
import type { Fence } from './fence.js';
import type { JobEntry } from './jobEntry.js';
import type { JobOutcome } from './jobRunner.js';
import type { StreamKeys } from './streamKeys.js';

/** One priority of this cluster's jobs, or of a remote cluster's backlog. */
export interface QueueContext {
  readonly cluster: string;
  readonly priority: Priority;
  readonly keys: StreamKeys;
  readonly config: JobsConfig;
  readonly log: Log;
}

/** The context that the parts of a worker share. */
export interface WorkContext extends QueueContext {
  /** This server's name among those that share the queue. */
  readonly consumer: string;
  readonly run: (job: JobEntry) => Promise<JobOutcome>;
  readonly fence: Fence;
  /** `ageMs` is the time since the job's acceptance. */
  readonly count: (outcome: 'applied' | 'failed' | 'bad', ageMs: number) => void;
}
