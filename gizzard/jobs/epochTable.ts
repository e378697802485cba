import { Deadline, isRoostError, RoostError } from '../../core/index.js';
import type { DatabaseHost } from '../../mysql/index.js';

/** A life of the journal: from its first job, or from `roost journal adopt`, for as long as its Redis loses nothing. */
export interface Epoch {
  /** 32 hexadecimal digits, drawn anew for each epoch. */
  readonly epoch: string;
  /** 1 for the first epoch of a cluster, and one more for each that is adopted. */
  readonly number: number;
  /** Jobs that it has accepted, at the least. */
  readonly accepted: number;
  /** Jobs that waited in the journal when `accepted` was written down. */
  readonly waiting: number;
}

/** What one host of the name server says. */
export interface EpochLook {
  readonly host: string;
  /** Undefined where it did not answer; null where it knows of none. */
  readonly epoch: Epoch | null | undefined;
  /** Its clock in milliseconds since 1970, and this process's clock before and after the question; undefined where it did not answer. */
  readonly clock: { readonly ms: number; readonly before: number; readonly after: number } | undefined;
  readonly error: RoostError | undefined;
}

/** A host that hangs is not waited for any longer. */
const lookDeadlineMs = 1_000;
const writeDeadlineMs = 5_000;

/**
 * What the name server's database knows of the journal, on each of its hosts: so that a Redis that comes back empty, or as an older copy of itself, is not taken for the journal.
 * A write merges: the greater number wins, and in the same epoch the greater count. So hosts that missed a write are put right by the next, in any order.
 */
export class EpochTable {
  readonly #table: string;

  /** `database` must be a checked identifier. */
  constructor(
    private readonly hosts: readonly DatabaseHost[],
    database: string,
  ) {
    this.#table = `\`${database}\`.journal`;
  }

  get majority(): number {
    return Math.floor(this.hosts.length / 2) + 1;
  }

  /** Asks every host. Never throws. */
  look(): Promise<EpochLook[]> {
    return Promise.all(
      this.hosts.map(async (host): Promise<EpochLook> => {
        const before = Date.now();
        try {
          const deadline = Deadline.after(lookDeadlineMs);
          const { epoch, ms } = await deadline.race(
            this.#read(host, deadline),
            `asking ${host.name} for the epoch of the journal`,
          );
          return { host: host.name, epoch, clock: { ms, before, after: Date.now() }, error: undefined };
        } catch (error) {
          return { host: host.name, epoch: undefined, clock: undefined, error: RoostError.from(error) };
        }
      }),
    );
  }

  /** Merges an epoch into what the hosts hold. Returns how many hold it now; throws what the first host said where none does. */
  async merge({ epoch, number, accepted, waiting }: Epoch): Promise<number> {
    const written = await Promise.allSettled(
      this.hosts.map((host) => {
        const deadline = Deadline.after(writeDeadlineMs);
        // Assignments see those to their left: the number comes last.
        const sql = `INSERT INTO ${this.#table} (id, number, epoch, accepted, waiting) VALUES (1, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE
          accepted = IF(VALUES(number) > number, VALUES(accepted), IF(VALUES(epoch) = epoch, GREATEST(accepted, VALUES(accepted)), accepted)),
          waiting = IF(VALUES(number) > number OR VALUES(epoch) = epoch, VALUES(waiting), waiting),
          epoch = IF(VALUES(number) > number, VALUES(epoch), epoch),
          number = GREATEST(number, VALUES(number))`;
        return deadline.race(
          this.#withTable(host, deadline, () => host.run(sql, [number, epoch, accepted, waiting], deadline)),
          `writing the epoch of the journal to ${host.name}`,
        );
      }),
    );
    const failed = written.filter((result): result is PromiseRejectedResult => result.status === 'rejected');
    if (failed.length === written.length) throw RoostError.from(failed[0]!.reason);
    return written.length - failed.length;
  }

  async #read(host: DatabaseHost, deadline: Deadline): Promise<{ readonly epoch: Epoch | null; readonly ms: number }> {
    const sql = `SELECT UNIX_TIMESTAMP(NOW(6)), number, epoch, accepted, waiting FROM (SELECT 1 AS one) AS always LEFT JOIN ${this.#table} ON id = one`;
    const [row] = await this.#withTable(host, deadline, () => host.rows(sql, [], deadline));
    const [seconds, number, epoch, accepted, waiting] = row!;
    return {
      epoch:
        epoch === null
          ? null
          : { epoch: String(epoch), number: Number(number), accepted: Number(accepted), waiting: Number(waiting) },
      ms: Number(seconds) * 1_000,
    };
  }

  /** Makes the table where it is missing. */
  async #withTable<T>(host: DatabaseHost, deadline: Deadline, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isRoostError(error) || error.fields['sql_code'] !== 'ER_NO_SUCH_TABLE') throw error;
      const columns =
        'id TINYINT NOT NULL PRIMARY KEY, number BIGINT NOT NULL, epoch CHAR(32) NOT NULL, accepted BIGINT NOT NULL, waiting BIGINT NOT NULL';
      await host.run(
        `CREATE TABLE IF NOT EXISTS ${this.#table} (${columns}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
        [],
        deadline,
      );
      return work();
    }
  }
}

/** The newest epoch that hosts know of; undefined where none knows one. */
export const newestEpoch = (looks: readonly EpochLook[]): Epoch | undefined =>
  looks.reduce<Epoch | undefined>((newest, { epoch }) => {
    if (epoch === undefined || epoch === null) return newest;
    if (newest === undefined || epoch.number > newest.number) return epoch;
    // A mark that one host missed.
    return epoch.epoch === newest.epoch && epoch.accepted > newest.accepted ? epoch : newest;
  }, undefined);
