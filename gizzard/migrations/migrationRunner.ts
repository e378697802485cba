import { pause, type RoostError } from '../../core/index.js';
import type { Log } from '../../process/index.js';
import { LeaseLost, type TaskLease, type LeasedTask } from '../moving/leasedWork.js';
import { isOpen } from '../moving/moveTask.js';
import type { Ledger } from './ledger.js';
import {
  leftBehind,
  nextStep,
  nextUndo,
  type Migration,
  type MigrationState,
  type MigrationStep,
} from './migration.js';
import { runAction, type StepContext, type StepEnvironment } from './stepActions.js';
import type { Action } from './steps.js';

const restMs = 500;

/** Takes a claimed migration to its goal, step by step, from wherever the ledger says it is. */
export class MigrationRunner implements LeasedTask {
  readonly name: string;

  constructor(
    private readonly migration: Migration,
    private readonly owner: string,
    private readonly ledger: Ledger,
    private readonly environment: StepEnvironment,
    private readonly log: Log,
  ) {
    this.name = `migration ${migration.id}`;
  }

  renew(trouble: string): Promise<boolean> {
    return this.ledger.renew(this.migration.id, this.owner, trouble);
  }

  release(): Promise<void> {
    return this.ledger.release(this.migration.id, this.owner);
  }

  run(lease: TaskLease): Promise<void> {
    const { goal, options } = this.migration;
    return goal === 'rollback' ? this.#back(lease) : this.#forward(lease, options.cleanup === true ? 'cleanup' : goal);
  }

  async fail(error: RoostError): Promise<void> {
    await this.ledger.leave(this.migration.id, this.owner, 'failed', error.message);
  }

  async #forward(lease: TaskLease, goal: 'settle' | 'cleanup'): Promise<void> {
    for (;;) {
      const steps = await this.#steps(lease);
      const step = nextStep(steps, goal);
      if (step === undefined)
        return this.#end(lease, steps, steps.every(({ state }) => state === 'done') ? 'done' : 'settled');
      await this.#rest(lease);
      await this.#record(lease, step, 'running');
      const evidence = await this.#act(lease, steps, step, step.action);
      await this.#record(lease, step, 'done', evidence);
    }
  }

  /**
   * Waits while the cluster's throttle pauses migrations; both sides are written meanwhile. Rollbacks do not wait.
   */
  async #rest(lease: TaskLease): Promise<void> {
    const { throttle } = this.environment.moves.store;
    for (;;) {
      const { resting } = await lease.retry(() => throttle.read());
      if (resting === '') return;
      lease.trouble = resting;
      await pause(restMs, lease.signal);
      if (lease.signal.aborted) throw new LeaseLost();
    }
  }

  async #back(lease: TaskLease): Promise<void> {
    // First of all: moves write to what is about to go.
    await lease.retry(() => this.#dropMoves());
    for (;;) {
      const steps = await this.#steps(lease);
      const step = nextUndo(steps);
      if (step === undefined) return this.#end(lease, steps, 'rolledBack');
      await this.#record(lease, step, 'undoing');
      const evidence = await this.#act(lease, steps, step, step.inverse);
      await this.#record(lease, step, 'undone', { ...step.evidence, ...evidence });
    }
  }

  async #dropMoves(): Promise<void> {
    const { moves } = this.environment;
    for (const task of await moves.store.ofMigration(this.migration.id))
      if (isOpen(task.state)) await moves.drop(task.id);
  }

  #steps(lease: TaskLease): Promise<MigrationStep[]> {
    return lease.retry(() => this.ledger.steps(this.migration.id));
  }

  #act(
    lease: TaskLease,
    steps: readonly MigrationStep[],
    step: MigrationStep,
    action: Action,
  ): Promise<MigrationStep['evidence']> {
    const startMs = performance.now();
    const context: StepContext = {
      ...this.environment,
      migration: this.migration,
      takesAway: step.phase === 'cleanup' || this.migration.goal === 'rollback',
      leftBehind: new Set(leftBehind(steps)),
      triedMs: () => performance.now() - startMs,
      signal: lease.signal,
      stillOurs: () => lease.check(),
    };
    return lease.retry(() => runAction(action, context));
  }

  async #record(
    lease: TaskLease,
    step: MigrationStep,
    state: MigrationStep['state'],
    evidence?: MigrationStep['evidence'],
  ): Promise<void> {
    if (!(await lease.retry(() => this.ledger.setStep(this.migration.id, this.owner, step.step, state, evidence))))
      throw new LeaseLost();
    this.log.info(
      { migration: this.migration.id, step: step.step, state, title: step.title },
      'a migration has made a step',
    );
  }

  async #end(lease: TaskLease, steps: readonly MigrationStep[], state: MigrationState): Promise<void> {
    // A server that died while beginning a move may have left its shards marked.
    const shards = steps.flatMap(({ action }) =>
      action.kind === 'copy' || action.kind === 'verify' ? [...action.spec.sources, ...action.spec.targets] : [],
    );
    await lease.end(async () => {
      await this.environment.moves.unmark(shards);
      await this.ledger.leave(this.migration.id, this.owner, state);
    });
  }
}
