import type { RoostError } from '../../core/index.js';
import type { BusyState } from '../topology/types.js';
import type { TaskLease, LeasedTask } from './leasedWork.js';
import type { MoveStore } from './moveStore.js';
import type { MoveTask } from './moveTask.js';

/**
 * Carries out the cancellation of a move once nobody works on it. The shards show it first, so that none stays busy
 * if this process dies in between.
 */
export class MoveCanceller implements LeasedTask {
  readonly name: string;

  constructor(
    private readonly task: MoveTask,
    private readonly environment: {
      readonly store: MoveStore;
      readonly owner: string;
      readonly show: (busy: BusyState) => Promise<void>;
    },
  ) {
    this.name = `the end of move ${task.id}`;
  }

  renew(trouble: string): Promise<boolean> {
    return this.environment.store.renewCancel(this.task.id, this.environment.owner, trouble);
  }

  release(): Promise<void> {
    return this.environment.store.release(this.task.id, this.environment.owner);
  }

  async run(lease: TaskLease): Promise<void> {
    await lease.retry(() => this.environment.show('cancelled'));
    await lease.end(() => this.#end(''));
  }

  fail(error: RoostError): Promise<void> {
    return this.#end(error.message);
  }

  async #end(error: string): Promise<void> {
    await this.environment.store.finishCancel(this.task.id, this.environment.owner, error);
  }
}
