import { Deadline } from '../../core/index.js';
import type { DatabaseHost } from '../hosts/databaseHost.js';

const operationDeadlineMs = 10_000;

const ddl: Readonly<Record<string, string>> = {
  servers: `(
    id CHAR(36) NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    info MEDIUMTEXT NOT NULL,
    seen_at DATETIME(3) NOT NULL
  )`,
  moves: `(
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    spec LONGTEXT NOT NULL,
    min_rows_per_second INT NOT NULL,
    max_rows_per_second INT NOT NULL,
    state VARCHAR(16) NOT NULL,
    progress LONGTEXT NOT NULL,
    migration_id BIGINT NULL,
    error VARCHAR(2000) NOT NULL DEFAULT '',
    owner CHAR(36) NULL,
    lease_until DATETIME(3) NULL,
    KEY state (state),
    KEY migration (migration_id)
  )`,
  migrations: `(
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    plan_id BIGINT NOT NULL DEFAULT 0,
    title VARCHAR(2000) NOT NULL,
    state VARCHAR(16) NOT NULL,
    goal VARCHAR(16) NOT NULL,
    options LONGTEXT NOT NULL,
    error VARCHAR(2000) NOT NULL DEFAULT '',
    owner CHAR(36) NULL,
    lease_until DATETIME(3) NULL,
    created_at DATETIME(3) NOT NULL,
    KEY state (state)
  )`,
  migration_shards: `(
    hostname VARCHAR(64) NOT NULL,
    table_prefix VARCHAR(54) NOT NULL,
    migration_id BIGINT NOT NULL,
    PRIMARY KEY (hostname, table_prefix),
    KEY migration (migration_id)
  )`,
  migration_steps: `(
    migration_id BIGINT NOT NULL,
    step INT NOT NULL,
    phase VARCHAR(16) NOT NULL,
    title VARCHAR(2000) NOT NULL,
    precondition_text VARCHAR(2000) NOT NULL,
    action LONGTEXT NOT NULL,
    inverse LONGTEXT NOT NULL,
    state VARCHAR(16) NOT NULL,
    evidence LONGTEXT NOT NULL,
    PRIMARY KEY (migration_id, step)
  )`,
};

/** The tables, in the name server's database, of what moves data: who serves, what is being moved, and the ledger of migrations. */
export class MovesDatabase {
  #created: Promise<void> | undefined;

  /** `database` must be a checked identifier. */
  constructor(
    readonly host: DatabaseHost,
    private readonly database: string,
  ) {}

  table(name: keyof typeof ddl): string {
    return `\`${this.database}\`.\`${name}\``;
  }

  /** Time for one operation. */
  deadline(): Deadline {
    return Deadline.after(operationDeadlineMs);
  }

  /** Makes the tables where they are missing; looks only once. The name server's database must be there. */
  ready(): Promise<void> {
    this.#created ??= this.#create().catch((error: unknown) => {
      this.#created = undefined;
      throw error;
    });
    return this.#created;
  }

  async #create(): Promise<void> {
    for (const [name, columns] of Object.entries(ddl)) {
      await this.host.run(`CREATE TABLE IF NOT EXISTS ${this.table(name)} ${columns} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`, [], this.deadline());
    }
    // Before servers said which hosts they know, the column held 2,000 characters.
    const [column] = await this.host.rows("SELECT data_type FROM information_schema.columns WHERE table_schema = ? AND table_name = 'servers' AND column_name = 'info'", [this.database], this.deadline());
    if (String(column?.[0]).toLowerCase() === 'varchar') await this.host.run(`ALTER TABLE ${this.table('servers')} MODIFY info MEDIUMTEXT NOT NULL`, [], this.deadline());
  }
}

/** Texts of people's making, cut to what a column holds. */
export const cut = (text: string): string => text.slice(0, 2_000);
