import type { Priority } from '../../core/index.js';
import type { Log } from '../../process/index.js';

/**
 * Redis keeps a fence at a topology version: jobs may be applied under that topology and newer ones. Redis compares
 * in the step that records an applied job; this class remembers a refusal, so that no jobs are taken until this
 * server knows a newer topology.
 */
export class Fence {
  #outdated = -Infinity;

  constructor(
    readonly key: string,
    /** The version of the topology that this server knows. */
    private readonly version: () => number,
    private readonly priority: Priority,
    private readonly log: Log,
  ) {}

  /** Whether jobs may be applied under the known topology, as far as Redis has told. */
  get open(): boolean {
    return this.version() > this.#outdated;
  }

  /** Redis refused jobs that were applied under this version. */
  refused(version: number): void {
    if (version > this.#outdated)
      this.log.warn(
        { version, key: this.key, priority: this.priority },
        'this server works with an old topology; it takes no jobs until it has a newer one',
      );
    this.#outdated = Math.max(this.#outdated, version);
  }
}
