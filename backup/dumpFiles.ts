import { dumpFormat, dumpPath, type DumpProgress, type PartProgress, type RowObject } from './dumpRecord.js';
import { padded } from './places.js';
import type { Vault } from './vault.js';

const saveEveryMs = 5_000;

/**
 * The progress of a dump, part by part. It is kept in the destination, so that a later run can continue a killed one.
 */
export class DumpFiles {
  readonly #parts: Map<string, PartProgress>;
  #sequence: number;
  #saved: string | undefined;
  #savedAtMs = performance.now();
  #saving: Promise<void> = Promise.resolve();
  #nextObject: number;

  /** @param before the progress of an earlier run, and the object that records it */
  constructor(
    private readonly vault: Vault,
    readonly id: string,
    before?: { readonly progress: DumpProgress; readonly name: string },
  ) {
    this.#parts = new Map(Object.entries(before?.progress.parts ?? {}));
    this.#saved = before?.name;
    this.#sequence = before === undefined ? 0 : Number(/progress-(\d+)/.exec(before.name)![1]) + 1;
    // Unrecorded objects of the earlier run may exist; the ends of their names differ.
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

  /** Records the progress of a part. Its objects must have been written. */
  async advance(key: string, part: PartProgress): Promise<void> {
    this.#parts.set(key, part);
    if (performance.now() - this.#savedAtMs > saveEveryMs) await this.save();
  }

  /** Forgets a part that the topology no longer has. */
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
