/** A table on every replica of the name server's database. */
export interface ControlTable {
  readonly ddl: string;
  readonly key: readonly string[];
  /**
   * The columns that replicas copy, each with the expression that reads it. Leases are absent: the primary alone
   * grants them.
   */
  readonly columns: Readonly<Record<string, string>>;
  /** Expressions to compare instead of a column: the progress of running work differs between replicas. */
  readonly compared?: Readonly<Record<string, string>>;
}

const same = (...names: string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, name]));
const atRest = (column: string): string => `IF(state = 'running', '', ${column})`;

/** Tables of tweets are here too: every process copies all of them. */
export const controlTables = {
  moves: {
    ddl: `(
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
    key: ['id'],
    columns: same(
      'id',
      'spec',
      'min_rows_per_second',
      'max_rows_per_second',
      'state',
      'progress',
      'migration_id',
      'error',
    ),
    compared: { progress: atRest('progress'), error: atRest('error') },
  },
  migrations: {
    ddl: `(
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
    key: ['id'],
    columns: {
      ...same('id', 'plan_id', 'title', 'state', 'goal', 'options', 'error'),
      created_at: `DATE_FORMAT(created_at, '%Y-%m-%d %H:%i:%s.%f')`,
    },
    compared: { error: atRest('error') },
  },
  migration_shards: {
    ddl: `(
      hostname VARCHAR(64) NOT NULL,
      table_prefix VARCHAR(54) NOT NULL,
      migration_id BIGINT NOT NULL,
      PRIMARY KEY (hostname, table_prefix),
      KEY migration (migration_id)
    )`,
    key: ['hostname', 'table_prefix'],
    columns: same('hostname', 'table_prefix', 'migration_id'),
  },
  migration_steps: {
    ddl: `(
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
    key: ['migration_id', 'step'],
    columns: same(
      'migration_id',
      'step',
      'phase',
      'title',
      'precondition_text',
      'action',
      'inverse',
      'state',
      'evidence',
    ),
  },
  moves_throttle: {
    ddl: '(id TINYINT NOT NULL PRIMARY KEY, rows_per_second BIGINT NULL, windows VARCHAR(1000) NOT NULL)',
    key: ['id'],
    columns: same('id', 'rows_per_second', 'windows'),
  },
  dropped_graphs: {
    ddl: `(
      graph_id INT NOT NULL PRIMARY KEY,
      name VARCHAR(64) NOT NULL,
      dropped_at_ms BIGINT NOT NULL,
      keep_until_ms BIGINT NOT NULL,
      tree LONGTEXT NOT NULL
    )`,
    key: ['graph_id'],
    columns: same('graph_id', 'name', 'dropped_at_ms', 'keep_until_ms', 'tree'),
  },
  tweet_policy: {
    ddl: '(id TINYINT NOT NULL PRIMARY KEY, policy LONGTEXT NOT NULL)',
    key: ['id'],
    columns: same('id', 'policy'),
  },
  tweet_dropped_windows: {
    ddl: `(
      start_ms BIGINT NOT NULL,
      dropped_at_ms BIGINT NOT NULL,
      keep_until_ms BIGINT NOT NULL,
      state VARCHAR(16) NOT NULL,
      tree LONGTEXT NOT NULL,
      PRIMARY KEY (start_ms, dropped_at_ms)
    )`,
    key: ['start_ms', 'dropped_at_ms'],
    columns: same('start_ms', 'dropped_at_ms', 'keep_until_ms', 'state', 'tree'),
  },
} as const satisfies Record<string, ControlTable>;

export type ControlTableName = keyof typeof controlTables;
export const controlTableNames = Object.keys(controlTables) as ControlTableName[];

/** The definition of a table, without the literal types. */
export const controlTable = (name: ControlTableName): ControlTable => controlTables[name];

/**
 * Tables that each replica keeps for itself: its last change, the latest changes, and the servers that it knows of.
 */
export const replicaTables = {
  control_head: `(
    id TINYINT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    change_id VARCHAR(40) NOT NULL,
    leader VARCHAR(64) NOT NULL
  )`,
  control_changes: `(
    version BIGINT NOT NULL PRIMARY KEY,
    change_id VARCHAR(40) NOT NULL,
    what VARCHAR(500) NOT NULL
  )`,
  servers: `(
    id CHAR(36) NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    info MEDIUMTEXT NOT NULL,
    seen_at DATETIME(3) NOT NULL
  )`,
} as const;
