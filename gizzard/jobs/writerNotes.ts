import { randomUUID } from 'node:crypto';
import { refusal } from './journalRefusal.js';
import { lostText } from './lostText.js';
import type { RedisSettings } from './redisSettings.js';
import type { SilentWriter, WriterTable } from './writerTable.js';

/**
 * This process in the table of the journal's writers: noted there from before its first append to a run of Redis until
 * what it knows is written down. A Redis that was started anew is refused while a writer of an earlier run has not
 * said what it knows. Nothing is noted where every acknowledged write survives the death of Redis.
 */
export class WriterNotes {
  readonly #id = randomUUID();
  /** The run that this process is noted as a writer of. */
  #notedRun: string | undefined;
  /** The run for which every writer of an earlier one has said what it knows. */
  #vouchedRun: string | undefined;
  #safe = true;
  /** The journal's time at the last look. */
  #clockMs = 0;
  #noting: Promise<void> | undefined;

  constructor(
    private readonly writers: WriterTable,
    /** Replicas that must have a write. */
    private readonly replicas: number,
  ) {}

  /** Whether this process is noted as a writer of a run. */
  has(run: string): boolean {
    return this.#notedRun === run;
  }

  /**
   * Notes this process as a writer of a run. If the name server does not answer, writes go on: this process vouches
   * for them as long as it lives. Callers share one attempt. Never rejects.
   */
  note(run: string): Promise<void> {
    this.#noting ??= this.#note(run)
      .catch(() => void (this.#notedRun = run))
      .finally(() => (this.#noting = undefined));
    return this.#noting;
  }

  /** Writers of earlier runs that have not said what they know. */
  async silent(settings: RedisSettings): Promise<readonly SilentWriter[]> {
    return this.#isSafe(settings) ? [] : ((await this.writers.silent(settings.runId)) ?? []);
  }

  /**
   * Renews this process's note. Throws the refusal `lost` if Redis was started anew and a writer of an earlier run has
   * not said what it knows.
   */
  async vouch(settings: RedisSettings, clockMs: number): Promise<void> {
    this.#clockMs = clockMs;
    this.#safe = this.#isSafe(settings);
    if (this.#safe) {
      this.#vouchedRun = settings.runId;
      return;
    }
    if (this.#notedRun !== undefined) await this.#note(settings.runId).catch(() => undefined);
    if (this.#vouchedRun === settings.runId) return;
    const silent = await this.writers.silent(settings.runId);
    if (silent === undefined) return;
    const problem = lostText({
      known: undefined,
      held: { epoch: '', number: 0, accepted: 0, lost: undefined },
      silent,
    });
    if (problem !== undefined) throw refusal('lost', problem);
    this.#vouchedRun = settings.runId;
    await this.writers.sweep(this.#clockMs).catch(() => undefined);
  }

  /** To be called once everything that this process knows is written down: nothing is lost with it any more. */
  async leave(): Promise<void> {
    if (this.#notedRun === undefined) return;
    this.#notedRun = undefined;
    if (!this.#safe) await this.writers.leave(this.#id);
  }

  async #note(run: string): Promise<void> {
    if (!this.#safe) await this.writers.note(this.#id, run, this.#clockMs);
    this.#notedRun = run;
  }

  /** Whether acknowledged writes survive the death of Redis and of every process that knows of them. */
  #isSafe({ appendFsync, appendOnly }: RedisSettings): boolean {
    return (appendOnly && appendFsync === 'always') || this.replicas > 0;
  }
}
