import { isRoostError, RoostError, type Deadline } from '../../core/index.js';
import type { DatabaseHost, SqlRow, SqlSession } from '../hosts/databaseHost.js';
import type { Change } from '../topology/changes.js';
import { busyStates, type TopologyState } from '../topology/types.js';

/** The tables, in the order in which they are made. `meta` comes last: once it has its row, the set-up is complete. */
const ddl: Readonly<Record<string, string>> = {
  tables: `(
    table_id INT NOT NULL PRIMARY KEY,
    name VARCHAR(64) NOT NULL,
    service VARCHAR(32) NOT NULL,
    hash VARCHAR(32) NOT NULL
  )`,
  shards: `(
    hostname VARCHAR(64) NOT NULL,
    table_prefix VARCHAR(54) NOT NULL,
    type VARCHAR(64) NOT NULL,
    source_type VARCHAR(32) NOT NULL,
    destination_type VARCHAR(32) NOT NULL,
    busy TINYINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (hostname, table_prefix)
  )`,
  links: `(
    parent_hostname VARCHAR(64) NOT NULL,
    parent_table_prefix VARCHAR(54) NOT NULL,
    child_hostname VARCHAR(64) NOT NULL,
    child_table_prefix VARCHAR(54) NOT NULL,
    weight INT NOT NULL,
    PRIMARY KEY (parent_hostname, parent_table_prefix, child_hostname, child_table_prefix),
    KEY child (child_hostname, child_table_prefix)
  )`,
  forwardings: `(
    table_id INT NOT NULL,
    base_id BIGINT NOT NULL,
    shard_hostname VARCHAR(64) NOT NULL,
    shard_table_prefix VARCHAR(54) NOT NULL,
    PRIMARY KEY (table_id, base_id)
  )`,
  host_weights: `(
    hostname VARCHAR(64) NOT NULL PRIMARY KEY,
    read_weight DOUBLE NOT NULL,
    write_weight DOUBLE NOT NULL
  )`,
  meta: `(
    id TINYINT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
  )`,
};

/** One replica of the name server's database: the SQL of the topology, and nothing else. */
export class NameServerStore {
  readonly #database: string;

  /** `database` must be a checked identifier. */
  constructor(
    readonly host: DatabaseHost,
    database: string,
  ) {
    this.#database = `\`${database}\``;
  }

  /** Makes what is missing of a set-up that never finished; changes nothing where it has. */
  async create(deadline: Deadline): Promise<void> {
    await this.host.run(`CREATE DATABASE IF NOT EXISTS ${this.#database}`, [], deadline);
    if ((await this.#version(this.host, deadline)) !== undefined) return;
    for (const [table, columns] of Object.entries(ddl)) {
      await this.host.run(`CREATE TABLE IF NOT EXISTS ${this.#table(table)} ${columns} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`, [], deadline);
    }
    await this.host.run(`INSERT IGNORE INTO ${this.#table('meta')} (id, version) VALUES (1, 0)`, [], deadline);
  }

  /** Throws `FailedPrecondition` where the name server was never set up. */
  async version(deadline: Deadline): Promise<number> {
    const version = await this.#version(this.host, deadline);
    if (version !== undefined) return version;
    throw new RoostError('FailedPrecondition', `the name server on ${this.host.name} is not set up (database ${this.#database}): "roost serve" and "roost graph create" set it up`, {
      fields: { host: this.host.name },
    });
  }

  /** The whole topology, as of one moment. */
  load(deadline: Deadline): Promise<TopologyState> {
    return this.host.transaction(deadline, async (session) => {
      // Shared locks on the version's row keep a change from committing between two of the statements below.
      const version = await this.#version(session, deadline, 'LOCK IN SHARE MODE');
      if (version === undefined) return { version: await this.version(deadline), tables: [], shards: [], links: [], forwardings: [], hostWeights: [] };
      return { version, ...(await this.#loadAll(session, deadline)) };
    });
  }

  /**
   * Writes changes in one transaction. `decide` gets the state they apply to, locked, and throws to refuse them.
   * Returns what `decide` returned.
   */
  change(changes: readonly Change[], deadline: Deadline, decide: (state: TopologyState) => TopologyState): Promise<TopologyState> {
    return this.host.transaction(deadline, async (session) => {
      const version = (await this.#version(session, deadline, 'FOR UPDATE')) ?? (await this.version(deadline));
      const next = decide({ version, ...(await this.#loadAll(session, deadline)) });
      for (const change of changes) await this.#write(session, change, deadline);
      await session.run(`UPDATE ${this.#table('meta')} SET version = ? WHERE id = 1`, [next.version], deadline);
      return next;
    });
  }

  async #version(session: SqlSession, deadline: Deadline, lock = ''): Promise<number | undefined> {
    try {
      const [row] = await session.rows(`SELECT version FROM ${this.#table('meta')} WHERE id = 1 ${lock}`, [], deadline);
      return row === undefined ? undefined : Number(row[0]);
    } catch (error) {
      if (isRoostError(error, 'FailedPrecondition')) return undefined;
      throw error;
    }
  }

  async #loadAll(session: SqlSession, deadline: Deadline): Promise<Omit<TopologyState, 'version'>> {
    const select = (columns: string, table: string): Promise<SqlRow[]> => session.rows(`SELECT ${columns} FROM ${this.#table(table)}`, [], deadline);
    const text = (value: SqlRow[number] | undefined): string => String(value);
    return {
      tables: (await select('table_id, name, service, hash', 'tables')).map((row) => ({
        tableId: Number(row[0]),
        name: text(row[1]),
        service: text(row[2]),
        hash: text(row[3]),
      })),
      shards: (await select('hostname, table_prefix, type, source_type, destination_type, busy', 'shards')).map((row) => ({
        id: { hostname: text(row[0]), tablePrefix: text(row[1]) },
        type: text(row[2]),
        sourceType: text(row[3]),
        destinationType: text(row[4]),
        busy: busyStates[Number(row[5])] ?? 'error',
      })),
      links: (await select('parent_hostname, parent_table_prefix, child_hostname, child_table_prefix, weight', 'links')).map((row) => ({
        parent: { hostname: text(row[0]), tablePrefix: text(row[1]) },
        child: { hostname: text(row[2]), tablePrefix: text(row[3]) },
        weight: Number(row[4]),
      })),
      forwardings: (await select('table_id, base_id, shard_hostname, shard_table_prefix', 'forwardings')).map((row) => ({
        tableId: Number(row[0]),
        baseId: BigInt(row[1] as number | string),
        shard: { hostname: text(row[2]), tablePrefix: text(row[3]) },
      })),
      hostWeights: (await select('hostname, read_weight, write_weight', 'host_weights')).map((row) => ({
        hostname: text(row[0]),
        read: Number(row[1]),
        write: Number(row[2]),
      })),
    };
  }

  async #write(session: SqlSession, change: Change, deadline: Deadline): Promise<void> {
    switch (change.kind) {
      case 'createTable': {
        const { tableId, name, service, hash } = change.table;
        await session.run(`INSERT IGNORE INTO ${this.#table('tables')} (table_id, name, service, hash) VALUES (?, ?, ?, ?)`, [tableId, name, service, hash], deadline);
        return;
      }
      case 'removeTable':
        await session.run(`DELETE FROM ${this.#table('tables')} WHERE table_id = ?`, [change.tableId], deadline);
        return;
      case 'createShard': {
        const { id, type, sourceType, destinationType, busy } = change.shard;
        await session.run(
          `INSERT IGNORE INTO ${this.#table('shards')} (hostname, table_prefix, type, source_type, destination_type, busy) VALUES (?, ?, ?, ?, ?, ?)`,
          [id.hostname, id.tablePrefix, type, sourceType, destinationType, busyStates.indexOf(busy)],
          deadline,
        );
        return;
      }
      case 'deleteShard':
        await session.run(`DELETE FROM ${this.#table('shards')} WHERE hostname = ? AND table_prefix = ?`, [change.id.hostname, change.id.tablePrefix], deadline);
        return;
      case 'addLink': {
        const { parent, child, weight } = change.link;
        await session.run(
          `REPLACE INTO ${this.#table('links')} (parent_hostname, parent_table_prefix, child_hostname, child_table_prefix, weight) VALUES (?, ?, ?, ?, ?)`,
          [parent.hostname, parent.tablePrefix, child.hostname, child.tablePrefix, weight],
          deadline,
        );
        return;
      }
      case 'removeLink':
        await session.run(
          `DELETE FROM ${this.#table('links')} WHERE parent_hostname = ? AND parent_table_prefix = ? AND child_hostname = ? AND child_table_prefix = ?`,
          [change.parent.hostname, change.parent.tablePrefix, change.child.hostname, change.child.tablePrefix],
          deadline,
        );
        return;
      case 'setForwarding': {
        const { tableId, baseId, shard } = change.forwarding;
        await session.run(
          `REPLACE INTO ${this.#table('forwardings')} (table_id, base_id, shard_hostname, shard_table_prefix) VALUES (?, ?, ?, ?)`,
          [tableId, baseId, shard.hostname, shard.tablePrefix],
          deadline,
        );
        return;
      }
      case 'removeForwarding':
        await session.run(`DELETE FROM ${this.#table('forwardings')} WHERE table_id = ? AND base_id = ?`, [change.tableId, change.baseId], deadline);
        return;
      case 'setHostWeight':
        await session.run(
          `REPLACE INTO ${this.#table('host_weights')} (hostname, read_weight, write_weight) VALUES (?, ?, ?)`,
          [change.weight.hostname, change.weight.read, change.weight.write],
          deadline,
        );
        return;
      case 'markBusy':
        await session.run(
          `UPDATE ${this.#table('shards')} SET busy = ? WHERE hostname = ? AND table_prefix = ?`,
          [busyStates.indexOf(change.busy), change.id.hostname, change.id.tablePrefix],
          deadline,
        );
        return;
    }
  }

  #table(name: string): string {
    return `${this.#database}.\`${name}\``;
  }
}
