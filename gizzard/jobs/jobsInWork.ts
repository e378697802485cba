/** Jobs that a worker has at once, and bytes of their payloads, before it takes more. */
const maxEntries = 1_024;
const maxBytes = 8 * 1024 * 1024;

interface InWork {
  readonly fields: readonly Buffer[];
  readonly ended: Promise<void>;
}

/** The jobs that one worker has in work, bounded in number and bytes. */
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

  /** `work` must not reject; the job counts as in work until it has ended. */
  add(id: string, fields: readonly Buffer[], bytes: number, work: Promise<void>): void {
    this.#bytes += bytes;
    const ended = work.finally(() => {
      this.#jobs.delete(id);
      this.#bytes -= bytes;
      this.giveRoom();
    });
    this.#jobs.set(id, { fields, ended });
  }

  /** Takes out all that is left, for others to do. */
  takeAll(): [id: string, fields: readonly Buffer[]][] {
    const left = Array.from(this.#jobs, ([id, { fields }]): [string, readonly Buffer[]] => [id, fields]);
    this.#jobs.clear();
    return left;
  }

  /** Resolves when all that is in work now has ended. */
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

  /** Lets those who wait for room look again. */
  giveRoom(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
