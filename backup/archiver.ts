import { RoostError } from '../core/index.js';
import type { ArchiveLook, JournalArchive } from '../gizzard/index.js';
import { jobLine } from './jobLines.js';
import { placedOf, placedPath, segmentOf, segmentPath } from './places.js';
import type { Vault } from './vault.js';

/** The bytes of jobs per segment, before compression. */
const segmentBytes = 8 * 1024 * 1024;

export interface Archived {
  readonly jobs: number;
  /** The archive before the jobs were taken. */
  readonly look: ArchiveLook;
}

/** Moves jobs from the journal's archive to the destination. Several archivers at once only write some jobs twice. */
export class Archiver {
  #epoch = '';
  #last = 0;
  #mark: string | undefined;

  constructor(
    private readonly archive: JournalArchive,
    private readonly vault: Vault,
  ) {}

  /** The number of the last job of the epoch that is in the destination, as far as this process knows. */
  get last(): number {
    return this.#last;
  }

  /**
   * Writes all archived jobs, one segment after another. Throws `FailedPrecondition` if the archive was stopped or
   * has another destination: later jobs are in no backup.
   */
  async step(): Promise<Archived> {
    const look = await this.archive.look();
    if (look.to !== this.vault.url)
      throw new RoostError(
        'FailedPrecondition',
        look.to === ''
          ? 'the journal is not archived any more: nobody took its jobs for too long, it has lost some, or `roost backup stop` ended it. A new dump begins it again'
          : `the journal is archived to ${look.to} now`,
        { fields: { to: look.to } },
      );
    if (look.epoch !== this.#epoch) await this.#goOn(look.epoch);
    // One atomic look saw both: the archive was empty after `accepted` jobs.
    if (look.jobs === 0) this.#last = Math.max(this.#last, look.accepted);
    let jobs = 0;
    for (;;) {
      const entries = await this.archive.read(look.epoch, this.#last, segmentBytes);
      if (entries.length === 0) break;
      let run = entries;
      // A gap is permanent. A segment's name promises every job between two numbers, so a segment stops at a gap.
      const gap = entries.findIndex(({ number }, i) => i > 0 && number !== entries[i - 1]!.number + 1);
      if (gap > 0) run = entries.slice(0, gap);
      const until = run.reduce((latest, { micros }) => (micros > latest ? micros : latest), 0n);
      const [first, last] = [run[0]!.number, run.at(-1)!.number];
      await this.vault.putLines(segmentPath(look.epoch, first, last, until), run.map(jobLine).join(''));
      await this.archive.trim(look.epoch, last);
      this.#last = last;
      jobs += run.length;
      // Jobs that arrive meanwhile are left to the next step.
      if (last >= look.accepted) break;
    }
    // The destination already has these jobs: a killed run or a dead primary did not trim them.
    if (jobs === 0 && look.jobs > 0) await this.archive.trim(look.epoch, this.#last);
    return { jobs, look };
  }

  /**
   * Records the moment up to which the destination has every job. Moments of a period without writes can then be
   * restored too.
   */
  async mark({ epoch, accepted, micros }: Pick<ArchiveLook, 'epoch' | 'accepted' | 'micros'>): Promise<void> {
    if (epoch !== this.#epoch || this.#last < accepted) return;
    const before = this.#mark;
    const { name } = await this.vault.putJson(placedPath('marks', { epoch, accepted, micros }), {});
    this.#mark = name;
    if (before !== undefined && before !== name) await this.vault.remove(before);
  }

  async #goOn(epoch: string): Promise<void> {
    const segments = (await this.vault.list(`journal/${epoch}/`)).flatMap((object) => segmentOf(object) ?? []);
    this.#last = segments.reduce((last, segment) => Math.max(last, segment.last), 0);
    this.#mark = (await this.vault.list(`marks/${epoch}/`))
      .flatMap((object) => placedOf('marks', object) ?? [])
      .at(-1)?.name;
    this.#epoch = epoch;
  }
}
