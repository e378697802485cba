import type { Priority } from '../../core/index.js';
import type { Log } from '../../process/index.js';

/**
 * Jobs may be applied under the topology that the fence in Redis stands at, and under newer ones. Redis compares in the step that records an applied job; here is remembered what it
 * said, so that no jobs are taken until this server knows a newer topology.
 */
export class Fence {
  #outdated = -Infinity;

  constructor(
    readonly key: string,
    /** Of the topology that this server knows. */
    private readonly version: () => number,
    private readonly priority: Priority,
    private readonly log: Log,
  ) {}

  /** Whether jobs may be applied under the topology that is known here, as far as Redis has told. */
  get open(): boolean {
    return this.version() > this.#outdated;
  }

  /** Redis refused jobs that were applied under this topology. */
  refused(version: number): void {
    if (version > this.#outdated)
      this.log.warn(
        { version, key: this.key, priority: this.priority },
        'this server works with a topology that is no longer in use; it takes no jobs until it has a newer one',
      );
    this.#outdated = Math.max(this.#outdated, version);
  }
}
