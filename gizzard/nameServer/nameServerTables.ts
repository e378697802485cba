/** Tables that earlier versions' name servers lack. */
export const addedTables: Readonly<Record<string, string>> = {
  spent_names: `(
    hostname VARCHAR(64) NOT NULL,
    table_prefix VARCHAR(60) NOT NULL,
    spent_at BIGINT NOT NULL,
    PRIMARY KEY (hostname, table_prefix),
    KEY spent_at (spent_at)
  )`,
  primary_host: `(
    id TINYINT NOT NULL PRIMARY KEY,
    hostname VARCHAR(64) NOT NULL
  )`,
  schema_version: `(
    id TINYINT NOT NULL PRIMARY KEY,
    version INT NOT NULL
  )`,
};

/**
 * Columns that they lack, by table. `shards.attributes` is JSON; if it is NULL, an earlier release wrote the row, and
 * `source_type` and `destination_type` say all. These are still written, for Gizzard's tools and earlier releases.
 */
export const addedColumns: Readonly<Record<string, readonly [name: string, type: string]>> = {
  shards: ['attributes', 'VARCHAR(255) NULL'],
};

/**
 * The changes of each version of these tables and the control tables, from version 2 on. Version 1 had no note of
 * itself. A process that finds a version newer than the last of these does not start.
 */
export const nameServerUpgrades: readonly string[] = [
  'note the schema version, the spent names and the primary',
  'name the attributes of shards',
];
export const nameServerSchema = 1 + nameServerUpgrades.length;

/** The tables in the order of creation. `meta` comes last: once it has its row, the set-up is complete. */
export const nameServerTables: Readonly<Record<string, string>> = {
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
    attributes VARCHAR(255) NULL,
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
  remote_hosts: `(
    hostname VARCHAR(255) NOT NULL,
    port SMALLINT UNSIGNED NOT NULL,
    cluster VARCHAR(64) NOT NULL,
    status TINYINT UNSIGNED NOT NULL,
    PRIMARY KEY (hostname, port)
  )`,
  paused_priorities: `(
    priority VARCHAR(16) NOT NULL PRIMARY KEY
  )`,
  fanouts: `(
    priority VARCHAR(16) NOT NULL,
    suffix VARCHAR(32) NOT NULL,
    PRIMARY KEY (priority, suffix)
  )`,
  audit: `(
    version BIGINT NOT NULL PRIMARY KEY,
    change_id CHAR(32) NOT NULL,
    changed_at BIGINT NOT NULL,
    actor VARCHAR(255) NOT NULL,
    change_count INT NOT NULL,
    changes LONGBLOB NOT NULL,
    inverse LONGBLOB NOT NULL
  )`,
  rollback_logs: `(
    log_id CHAR(32) NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    UNIQUE KEY name (name)
  )`,
  rollback_entries: `(
    log_id CHAR(32) NOT NULL,
    entry_id INT NOT NULL,
    operation TEXT NOT NULL,
    PRIMARY KEY (log_id, entry_id)
  )`,
  ...addedTables,
  meta: `(
    id TINYINT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    change_id CHAR(32) NOT NULL
  )`,
};
