/** Concurrent jobs of a worker, and bytes of their payloads, before it pauses taking more. */
const maxEntries = 1_024;
const maxBytes = 8 * 1024 * 1024;

interface InWork {
  readonly fields: readonly Buffer[];
  readonly ended: Promise<void>;
}

/** The running jobs of one worker, bounded in number and bytes. */
export class JobsInWork {
  readonly #jobs = new Map<string, InWork>();
  #bytes = 0;
  #waiting: (() => void)[] = [];

  has(id: string): boolean {
    return this.#jobs.has(id);
  }

  fieldsOf(id: string): readonly Buffer[] | undefined {
    return this.#jobs.get(id)?.fields;
  }

  get ids(): string[] {
    return [...this.#jobs.keys()];
  }

  /** `work` must not reject; the job counts as running until it has ended. */
  add(id: string, fields: readonly Buffer[], bytes: number, work: Promise<void>): void {
    this.#bytes += bytes;
    const ended = work.finally(() => {
      this.#jobs.delete(id);
      this.#bytes -= bytes;
      this.giveRoom();
    });
    this.#jobs.set(id, { fields, ended });
  }

  /** Removes all remaining jobs, for others to do. */
  takeAll(): [id: string, fields: readonly Buffer[]][] {
    const left = Array.from(this.#jobs, ([id, { fields }]): [string, readonly Buffer[]] => [id, fields]);
    this.#jobs.clear();
    return left;
  }

  /** Resolves when all jobs that run now have ended. */
  async allEnded(): Promise<void> {
    await Promise.all(Array.from(this.#jobs.values(), ({ ended }) => ended));
  }

  get full(): boolean {
    return this.#jobs.size >= maxEntries || this.#bytes >= maxBytes;
  }

  /** Resolves when a job has ended, or `giveRoom` was called. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Lets waiters check for room again. */
  giveRoom(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
