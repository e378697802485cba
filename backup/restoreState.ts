import { z } from 'zod';
import { RoostError } from '../core/index.js';
import type { JournalArchive } from '../gizzard/index.js';

const schema = z.object({
  /** Of the dump, and where it lies. */
  dump: z.string(),
  from: z.string(),
  /** The last job that is part of it. */
  through: z.int().nonnegative(),
  /** The moment that was asked for, as people read it. */
  at: z.string(),
  phase: z.enum(['tables', 'rows', 'jobs', 'done']),
  /** In phase `rows` the objects, in phase `jobs` the objects of waiting jobs and the segments, of which all before this place are restored. */
  next: z.int().nonnegative(),
});

/** How far a restore is, as the cluster itself keeps it. */
export type RestoreState = z.output<typeof schema>;

export async function readRestoreState(archive: JournalArchive): Promise<RestoreState | undefined> {
  const text = await archive.restoreState();
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new RoostError('DataLoss', "what the journal's Redis keeps of a restore cannot be read", {
    cause: parsed.error,
  });
}

/** Keeps the state, at most once in a while between two phases: what was restored since is restored again, which changes nothing. */
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
