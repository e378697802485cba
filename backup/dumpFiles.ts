import { dumpFormat, dumpPath, type DumpProgress, type PartProgress, type RowObject } from './dumpRecord.js';
import { padded } from './places.js';
import type { Vault } from './vault.js';

const saveEveryMs = 5_000;

/** How far a dump is, part by part, kept in the destination so that a run that was killed can be gone on with. */
export class DumpFiles {
  readonly #parts: Map<string, PartProgress>;
  #sequence: number;
  #saved: string | undefined;
  #savedAtMs = performance.now();
  #saving: Promise<void> = Promise.resolve();
  #nextObject: number;

  /** @param before how far an earlier run came, and the object that says so */
  constructor(
    private readonly vault: Vault,
    readonly id: string,
    before?: { readonly progress: DumpProgress; readonly name: string },
  ) {
    this.#parts = new Map(Object.entries(before?.progress.parts ?? {}));
    this.#saved = before?.name;
    this.#sequence = before === undefined ? 0 : Number(/progress-(\d+)/.exec(before.name)![1]) + 1;
    // Objects of the run before that are in no record may be there: their names end otherwise.
    this.#nextObject = this.objects.length;
  }

  part(key: string): PartProgress {
    return this.#parts.get(key) ?? { objects: [], order: 0, after: '', done: false };
  }

  get objects(): readonly RowObject[] {
    return [...this.#parts.values()].flatMap(({ objects }) => objects);
  }

  get rows(): number {
    return this.objects.reduce((sum, { rows }) => sum + rows, 0);
  }

  /** Writes rows, and returns the object that has them. */
  async put(lines: string, about: Pick<RowObject, 'rows' | 'tableId' | 'order'>): Promise<RowObject> {
    const path = dumpPath(this.id, `rows-${padded(this.#nextObject++)}`);
    return { ...(await this.vault.putLines(path, lines)), ...about };
  }

  /** Notes how far a part is; its objects are there. */
  async advance(key: string, part: PartProgress): Promise<void> {
    this.#parts.set(key, part);
    if (performance.now() - this.#savedAtMs > saveEveryMs) await this.save();
  }

  /** Forgets what a part holds: the topology has it no more. */
  drop(key: string): void {
    this.#parts.delete(key);
  }

  save(): Promise<void> {
    this.#savedAtMs = performance.now();
    this.#saving = this.#saving.then(async () => {
      const before = this.#saved;
      const progress = { format: dumpFormat, parts: Object.fromEntries(this.#parts) };
      const path = dumpPath(this.id, `progress-${padded(this.#sequence++)}`);
      this.#saved = (await this.vault.putJson(path, progress)).name;
      if (before !== undefined) await this.vault.remove(before);
    });
    return this.#saving;
  }
}
