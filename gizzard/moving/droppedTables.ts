import { randomInt } from 'node:crypto';
import { Deadline, isRoostError, RoostError } from '../../core/index.js';
import type { DatabaseHost, SqlRow } from '../../mysql/index.js';
import type { DatabaseHosts } from '../../mysql/index.js';
import { hostClockMs, readHostClock } from '../../mysql/index.js';
import type { ShardInfo } from '../topology/types.js';
import type { Movable, TablePlace } from './movable.js';

const operationDeadlineMs = 30_000;
const maxTableNameChars = 64;
/** Distinguishes shards that are dropped in the same second. */
const randomValues = 36 ** 4;
const columns = 'name, table_prefix, type, source_type, destination_type, why, dropped_at_ms, keep_until_ms';

/** A shard whose tables were set aside. */
export interface DroppedShard {
  /** The prefix of its tables in the database of dropped tables: when it was dropped, and which shard it was. Never used twice. */
  readonly name: string;
  /** The shard as it was. */
  readonly shard: ShardInfo;
  /** For people: what dropped it. */
  readonly why: string;
  /** By the clock of the shard's host, in milliseconds since 1970. */
  readonly droppedAtMs: number;
  readonly keepUntilMs: number;
}

/**
 * Shards that were dropped, until their tables are deleted for good. On each host they lie in a database of their own, `<cluster>_dropped`, beside a list of them,
 * where no server looks for shards and no name meets that of a new one.
 */
export class DroppedTables {
  readonly #database: string;
  readonly #list: string;

  /** `cluster` must be a checked identifier. */
  constructor(
    cluster: string,
    private readonly hosts: Pick<DatabaseHosts, 'host'>,
    /** Throws where this server does not know the type. */
    private readonly movableType: (type: string) => Movable,
  ) {
    this.#database = `${cluster}_dropped`;
    this.#list = `\`${this.#database}\`.\`dropped_shards\``;
  }

  /**
   * Takes a shard's tables away: renames all of them in one step, so that a writer that still uses the old names fails. They are kept for `keepMs`. The shard must not be in the
   * topology any more. Returns undefined where the host holds no tables of it: a repeated call changes nothing.
   */
  async setAside(
    shard: ShardInfo,
    { why, keepMs }: { readonly why: string; readonly keepMs: number },
  ): Promise<DroppedShard | undefined> {
    const host = this.hosts.host(shard.id.hostname);
    const movable = this.movableType(shard.type);
    if (!(await movable.holds(host, movable.place(shard), deadline()))) return undefined;
    await this.#create(host);
    const droppedAtMs = await readHostClock(host, deadline());
    const dropped: DroppedShard = {
      name: nameOf(shard, movable, droppedAtMs),
      shard,
      why,
      droppedAtMs,
      keepUntilMs: droppedAtMs + keepMs,
    };
    // Listed first: a process that dies in between leaves a line without tables, and no tables without a line.
    await host.run(
      `INSERT INTO ${this.#list} (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      [
        dropped.name,
        shard.id.tablePrefix,
        shard.type,
        shard.sourceType,
        shard.destinationType,
        why.slice(0, 2_000),
        droppedAtMs,
        dropped.keepUntilMs,
      ],
      deadline(),
    );
    await movable.relocate(host, movable.place(shard), this.#place(dropped), deadline());
    return dropped;
  }

  /** The shards of a host whose tables are kept, the newest first. */
  async list(hostname: string): Promise<DroppedShard[]> {
    const host = this.hosts.host(hostname);
    try {
      const rows = await host.rows(
        `SELECT ${columns} FROM ${this.#list} WHERE EXISTS (
           SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND LEFT(table_name, CHAR_LENGTH(name) + 1) = CONCAT(name, '_')
         ) ORDER BY dropped_at_ms DESC, name`,
        [this.#database],
        deadline(),
      );
      return rows.map((row) => droppedOf(hostname, row));
    } catch (error) {
      // Nothing was ever dropped here.
      if (isRoostError(error, 'FailedPrecondition')) return [];
      throw error;
    }
  }

  /** Gives tables their old names back. Throws `FailedPrecondition` where there are tables of these names by now, and `NotFound` where those that were dropped are deleted. */
  async bringBack(dropped: DroppedShard): Promise<void> {
    const { shard } = dropped;
    const host = this.hosts.host(shard.id.hostname);
    const movable = this.movableType(shard.type);
    const place = movable.place(shard);
    if (await movable.holds(host, place, deadline())) {
      throw new RoostError(
        'FailedPrecondition',
        `host ${shard.id.hostname} holds tables of ${shard.id.tablePrefix} again; those that were dropped are called ${dropped.name} in database ${this.#database}`,
        {
          fields: { host: shard.id.hostname, shard: shard.id.tablePrefix },
        },
      );
    }
    if (!(await movable.relocate(host, this.#place(dropped), place, deadline()))) {
      throw new RoostError(
        'NotFound',
        `the tables of ${shard.id.tablePrefix} on ${shard.id.hostname} are deleted for good`,
        { fields: { host: shard.id.hostname, shard: shard.id.tablePrefix } },
      );
    }
    await host.run(`DELETE FROM ${this.#list} WHERE name = ?`, [dropped.name], deadline());
  }

  /**
   * Deletes what a host has kept long enough: by its own clock and by `nowMs`, that of the journal, so that one wrong clock deletes nothing. Shards of types that this server does not
   * know stay. Returns those that it deleted.
   */
  async purge(hostname: string, nowMs: number): Promise<DroppedShard[]> {
    const host = this.hosts.host(hostname);
    let due: DroppedShard[];
    try {
      const rows = await host.rows(
        `SELECT ${columns} FROM ${this.#list} WHERE keep_until_ms <= LEAST(?, ${hostClockMs}) ORDER BY dropped_at_ms, name`,
        [nowMs],
        deadline(),
      );
      due = rows.map((row) => droppedOf(hostname, row));
    } catch (error) {
      if (isRoostError(error, 'FailedPrecondition')) return [];
      throw error;
    }
    for (const dropped of due) {
      await this.movableType(dropped.shard.type).dropAt(host, this.#place(dropped), deadline());
      await host.run(`DELETE FROM ${this.#list} WHERE name = ?`, [dropped.name], deadline());
    }
    return due;
  }

  #place({ name }: DroppedShard): TablePlace {
    return { database: this.#database, prefix: name };
  }

  async #create(host: DatabaseHost): Promise<void> {
    await host.run(`CREATE DATABASE IF NOT EXISTS \`${this.#database}\``, [], deadline());
    await host.run(
      `CREATE TABLE IF NOT EXISTS ${this.#list} (
        name VARCHAR(64) NOT NULL PRIMARY KEY,
        table_prefix VARCHAR(54) NOT NULL,
        type VARCHAR(64) NOT NULL,
        source_type VARCHAR(255) NOT NULL,
        destination_type VARCHAR(255) NOT NULL,
        why VARCHAR(2000) NOT NULL,
        dropped_at_ms BIGINT NOT NULL,
        keep_until_ms BIGINT NOT NULL,
        KEY keep_until (keep_until_ms)
      ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      [],
      deadline(),
    );
  }
}

/** `20261120T220000_k3f9_tweets_20261119T000000_000`: the shard's own prefix comes last, cut where the names of tables would be too long. */
function nameOf(shard: ShardInfo, { tables }: Movable, droppedAtMs: number): string {
  const time = new Date(droppedAtMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  const longest = Math.max(...tables.map(({ name }) => name.length));
  return `${time}_${randomInt(randomValues).toString(36).padStart(4, '0')}_${shard.id.tablePrefix}`.slice(
    0,
    maxTableNameChars - longest - 1,
  );
}

const droppedOf = (
  hostname: string,
  [name, tablePrefix, type, sourceType, destinationType, why, droppedAtMs, keepUntilMs]: SqlRow,
): DroppedShard => ({
  name: String(name),
  shard: {
    id: { hostname, tablePrefix: String(tablePrefix) },
    type: String(type),
    sourceType: String(sourceType),
    destinationType: String(destinationType),
    busy: 'normal',
  },
  why: String(why),
  droppedAtMs: Number(droppedAtMs),
  keepUntilMs: Number(keepUntilMs),
});

const deadline = (): Deadline => Deadline.after(operationDeadlineMs);
