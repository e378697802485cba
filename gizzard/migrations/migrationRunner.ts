import { setTimeout as sleep } from 'node:timers/promises';
import { RoostError, type Log } from '../../core/index.js';
import type { Ledger } from './ledger.js';
import { nextStep, nextUndo, type Migration, type MigrationStep } from './migration.js';
import { runAction, type StepContext, type StepEnvironment } from './stepActions.js';

const renewEveryMs = 1_000;
/** Steps that fail because something does not answer are tried again, ever less often, for about an hour. */
const maxFailures = 750;
const retryAfterMs = (failures: number): number => Math.min(5_000, 100 * 2 ** Math.min(failures, 6));

/** Thrown when the migration is somebody else's now, or the operator wants something else of it. */
class Lost extends Error {}

/** Takes a migration that this server has claimed to its goal, step by step, from wherever the ledger says it is. */
export class MigrationRunner {
  readonly #stop = new AbortController();
  #trouble = '';

  constructor(
    private readonly migration: Migration,
    private readonly owner: string,
    private readonly ledger: Ledger,
    private readonly environment: StepEnvironment,
    private readonly log: Log,
    private readonly closing: AbortSignal,
  ) {}

  async run(): Promise<void> {
    const { id } = this.migration;
    const stop = (): void => this.#stop.abort();
    this.closing.addEventListener('abort', stop);
    if (this.closing.aborted) stop();
    const renewing = this.#keepRenewing();
    try {
      await (this.migration.goal === 'rollback' ? this.#back() : this.#forward(this.migration.goal));
    } catch (error) {
      if (!(error instanceof Lost) && !this.#stop.signal.aborted) {
        this.log.error({ err: error, migration: id }, 'a migration failed');
        await this.ledger.leave(id, this.owner, 'failed', RoostError.from(error).message);
      }
    } finally {
      this.closing.removeEventListener('abort', stop);
      stop();
      await renewing;
      await this.ledger.release(id, this.owner);
    }
  }

  async #forward(goal: 'settle' | 'cleanup'): Promise<void> {
    const { id, options } = this.migration;
    const until = options.cleanup === true ? 'cleanup' : goal;
    for (;;) {
      const steps = await this.ledger.steps(id);
      const step = nextStep(steps, until);
      if (step === undefined) {
        await this.#unmark(steps);
        await this.ledger.leave(id, this.owner, steps.every(({ state }) => state === 'done') ? 'done' : 'settled');
        return;
      }
      await this.#record(step, 'running');
      const evidence = await this.#persist(() => runAction(step.action, this.#context));
      await this.#record(step, 'done', evidence);
    }
  }

  async #back(): Promise<void> {
    const { id } = this.migration;
    for (;;) {
      const steps = await this.ledger.steps(id);
      const step = nextUndo(steps);
      if (step === undefined) {
        await this.#unmark(steps);
        await this.ledger.leave(id, this.owner, 'rolledBack');
        return;
      }
      await this.#record(step, 'undoing');
      await this.#persist(() => runAction(step.inverse, this.#context));
      await this.#record(step, 'undone');
    }
  }

  /** A server that died when it began a move may have left its shards marked. */
  async #unmark(steps: readonly MigrationStep[]): Promise<void> {
    const shards = steps.flatMap(({ action }) => (action.kind === 'copy' || action.kind === 'verify' ? [...action.spec.sources, ...action.spec.targets] : []));
    await this.#persist(() => this.environment.moves.unmark(shards));
  }

  get #context(): StepContext {
    const stillOurs = async (): Promise<void> => {
      if (this.#stop.signal.aborted || !(await this.ledger.renew(this.migration.id, this.owner, this.#trouble))) throw new Lost();
    };
    return { ...this.environment, migration: this.migration, signal: this.#stop.signal, stillOurs };
  }

  async #record(step: MigrationStep, state: MigrationStep['state'], evidence?: MigrationStep['evidence']): Promise<void> {
    if (!(await this.#persist(() => this.ledger.setStep(this.migration.id, this.owner, step.step, state, evidence)))) throw new Lost();
    this.log.info({ migration: this.migration.id, step: step.step, state, title: step.title }, 'a step of a migration');
  }

  /** Tries again what fails for reasons that pass. */
  async #persist<T>(work: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures++) {
      if (this.#stop.signal.aborted) throw new Lost();
      try {
        const result = await work();
        this.#trouble = '';
        return result;
      } catch (error) {
        if (this.#stop.signal.aborted || error instanceof Lost) throw new Lost();
        if (!(error instanceof RoostError && error.retryable) || failures >= maxFailures) throw error;
        if (this.#trouble !== error.message) this.log.warn({ err: error, migration: this.migration.id }, 'a step of a migration could not be done; trying again');
        this.#trouble = error.message;
        await this.#pause(retryAfterMs(failures));
      }
    }
  }

  async #keepRenewing(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#pause(renewEveryMs);
      if (this.#stop.signal.aborted) return;
      try {
        if (!(await this.ledger.renew(this.migration.id, this.owner, this.#trouble))) this.#stop.abort();
      } catch (error) {
        this.log.warn({ err: error, migration: this.migration.id }, 'the claim on a migration could not be renewed');
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}
