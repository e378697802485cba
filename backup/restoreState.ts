import { z } from 'zod';
import { RoostError } from '../core/index.js';
import type { JournalArchive } from '../gizzard/index.js';

const schema = z.object({
  /** The dump, and its destination. */
  dump: z.string(),
  from: z.string(),
  /** The number of the last job to restore. */
  through: z.int().nonnegative(),
  /** The requested moment, as text for people. */
  at: z.string(),
  phase: z.enum(['tables', 'rows', 'jobs', 'done']),
  /**
   * All objects before this position are restored. In phase `rows` it counts objects of rows; in phase `jobs`,
   * objects of waiting jobs, then segments.
   */
  next: z.int().nonnegative(),
});

/** The progress of a restore, kept in the cluster itself. */
export type RestoreState = z.output<typeof schema>;

export async function readRestoreState(archive: JournalArchive): Promise<RestoreState | undefined> {
  const text = await archive.restoreState();
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new RoostError('DataLoss', "the state of a restore in the journal's Redis cannot be read", {
    cause: parsed.error,
  });
}

/**
 * Saves the progress at every change of phase, and only now and then in between. Work since the last save is
 * repeated, which changes nothing.
 */
export class RestoreProgress {
  #savedAtMs = 0;
  #saving: Promise<void> = Promise.resolve();

  constructor(
    private readonly archive: JournalArchive,
    private now: RestoreState,
  ) {}

  get state(): RestoreState {
    return this.now;
  }

  async enter(phase: RestoreState['phase']): Promise<void> {
    if (this.now.phase !== phase) this.now = { ...this.now, phase, next: 0 };
    await this.#save();
  }

  async reached(next: number): Promise<void> {
    this.now = { ...this.now, next };
    if (performance.now() - this.#savedAtMs > saveEveryMs) await this.#save();
  }

  #save(): Promise<void> {
    this.#savedAtMs = performance.now();
    this.#saving = this.#saving.then(() => this.archive.keepRestoreState(JSON.stringify(this.now)));
    return this.#saving;
  }
}

const saveEveryMs = 1_000;
