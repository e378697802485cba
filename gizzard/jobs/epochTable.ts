import { Deadline, RoostError } from '../../core/index.js';
import { withTable, type DatabaseHost } from '../../mysql/index.js';

/** A life of the journal: from its first job or from `roost journal adopt`, as long as its Redis loses nothing. */
export interface Epoch {
  /** 32 random hexadecimal digits. */
  readonly epoch: string;
  /** 1 for a cluster's first epoch; each adoption adds one. */
  readonly number: number;
  /** A lower bound on the jobs that it has accepted. */
  readonly accepted: number;
  /** Jobs that waited in the journal when `accepted` was recorded. */
  readonly waiting: number;
}

/** One name server host's answer. */
export interface EpochLook {
  readonly host: string;
  /** Undefined if it did not answer; null if it knows no epoch. */
  readonly epoch: Epoch | null | undefined;
  /**
   * The host's clock in milliseconds since 1970, and this process's clock before and after the question; undefined if
   * the host did not answer.
   */
  readonly clock: { readonly ms: number; readonly before: number; readonly after: number } | undefined;
  readonly error: RoostError | undefined;
}

/** How long to wait for a host that hangs. */
const lookDeadlineMs = 1_000;
const writeDeadlineMs = 5_000;
const columns =
  'id TINYINT NOT NULL PRIMARY KEY, number BIGINT NOT NULL, epoch CHAR(32) NOT NULL, accepted BIGINT NOT NULL, waiting BIGINT NOT NULL';

/**
 * The name server's record of the journal, on each of its hosts: a Redis that comes back empty, or as an older copy
 * of itself, is thereby not mistaken for the journal. A write merges: the greater number wins, and within an epoch
 * the greater count. Hosts that missed a write are corrected by the next, in any order.
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

  /**
   * Merges an epoch into the hosts' records. Returns how many hosts have it now. If none has, throws the first host's
   * error.
   */
  async merge({ epoch, number, accepted, waiting }: Epoch): Promise<number> {
    const written = await Promise.allSettled(
      this.hosts.map((host) => {
        const deadline = Deadline.after(writeDeadlineMs);
        // Assignments see earlier ones to their left: the number comes last.
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

  #withTable<T>(host: DatabaseHost, deadline: Deadline, work: () => Promise<T>): Promise<T> {
    return withTable(host, { table: this.#table, columns }, deadline, work);
  }
}

/** The newest epoch known; undefined if there is none. */
export const newestEpoch = (looks: readonly EpochLook[]): Epoch | undefined =>
  looks.reduce<Epoch | undefined>((newest, { epoch }) => {
    if (epoch === undefined || epoch === null) return newest;
    if (newest === undefined || epoch.number > newest.number) return epoch;
    // One host missed a mark.
    return epoch.epoch === newest.epoch && epoch.accepted > newest.accepted ? epoch : newest;
  }, undefined);
