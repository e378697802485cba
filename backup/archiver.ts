import { RoostError } from '../core/index.js';
import type { ArchiveLook, JournalArchive } from '../gizzard/index.js';
import { jobLine } from './jobLines.js';
import { placedOf, placedPath, segmentOf, segmentPath } from './places.js';
import type { Vault } from './vault.js';

/** Of jobs, before they are compressed. */
const segmentBytes = 8 * 1024 * 1024;

export interface Archived {
  readonly jobs: number;
  /** As it stood before the jobs were taken. */
  readonly look: ArchiveLook;
}

/** Takes jobs out of the journal's archive into the destination. Several at once only write some jobs twice. */
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
   * Writes all jobs that are in the archive, one segment after another. Throws `FailedPrecondition` where the archive has been ended, or goes elsewhere: jobs from here on are in no backup.
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
    // Empty in the same step in which so many had been accepted.
    if (look.jobs === 0) this.#last = Math.max(this.#last, look.accepted);
    let jobs = 0;
    for (;;) {
      const entries = await this.archive.read(look.epoch, this.#last, segmentBytes);
      if (entries.length === 0) break;
      let run = entries;
      // What is missing stays missing; the name of a segment says that it holds all between two numbers.
      const gap = entries.findIndex(({ number }, i) => i > 0 && number !== entries[i - 1]!.number + 1);
      if (gap > 0) run = entries.slice(0, gap);
      const until = run.reduce((latest, { micros }) => (micros > latest ? micros : latest), 0n);
      const [first, last] = [run[0]!.number, run.at(-1)!.number];
      await this.vault.putLines(segmentPath(look.epoch, first, last, until), run.map(jobLine).join(''));
      await this.archive.trim(look.epoch, last);
      this.#last = last;
      jobs += run.length;
      // What comes while this works is for the next step.
      if (last >= look.accepted) break;
    }
    // The destination has them already: a run that was killed, or a primary that died, had not forgotten them.
    if (jobs === 0 && look.jobs > 0) await this.archive.trim(look.epoch, this.#last);
    return { jobs, look };
  }

  /** Notes the moment up to which the destination has every job, so that a time in which nothing was written can be restored too. */
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
