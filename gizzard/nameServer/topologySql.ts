import type { Deadline, Priority } from '../../core/index.js';
import type { SqlRow, SqlSession, SqlValue } from '../../mysql/index.js';
import type { Change } from '../topology/changes.js';
import { plainAttributes, type AttributeForms } from '../shardAttributes.js';
import { busyStates, remoteStatuses, type Attributes, type TopologyState } from '../topology/types.js';

/** Quotes a table of the name server's database. */
export type TableName = (table: string) => string;

/**
 * The schema version follows the type, `notes@2`: releases without versions thus copy it between replicas all the
 * same.
 */
const versionText = (schemaVersion: number): string => (schemaVersion === 1 ? '' : `@${schemaVersion}`);

function typeFrom(text: string): { readonly type: string; readonly schemaVersion?: number } {
  const [type = '', version] = text.split('@');
  return version === undefined ? { type } : { type, schemaVersion: Number(version) };
}

/** Reads everything but the version. `hasAttributes`: whether the column exists. */
export async function loadTopology(
  session: SqlSession,
  table: TableName,
  { forms, hasAttributes }: { readonly forms: AttributeForms; readonly hasAttributes: boolean },
  deadline: Deadline,
): Promise<Omit<TopologyState, 'version'>> {
  const select = (columns: string, from: string): Promise<SqlRow[]> =>
    session.rows(`SELECT ${columns} FROM ${table(from)}`, [], deadline);
  const text = (value: SqlRow[number] | undefined): string => String(value);
  return {
    tables: (await select('table_id, name, service, hash', 'tables')).map((row) => ({
      tableId: Number(row[0]),
      name: text(row[1]),
      service: text(row[2]),
      hash: text(row[3]),
    })),
    shards: (
      await select(
        `hostname, table_prefix, type, source_type, destination_type, busy, ${hasAttributes ? 'attributes' : 'NULL'}`,
        'shards',
      )
    ).map((row) =>
      forms.named({
        id: { hostname: text(row[0]), tablePrefix: text(row[1]) },
        ...typeFrom(text(row[2])),
        attributes: attributesFrom(row[3], row[4], row[6]),
        busy: busyStates[Number(row[5])] ?? 'error',
      }),
    ),
    links: (
      await select('parent_hostname, parent_table_prefix, child_hostname, child_table_prefix, weight', 'links')
    ).map((row) => ({
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
    remoteHosts: (await select('hostname, port, cluster, status', 'remote_hosts')).map((row) => ({
      hostname: text(row[0]),
      port: Number(row[1]),
      cluster: text(row[2]),
      status: remoteStatuses[Number(row[3])] ?? 'blocked',
    })),
    pausedPriorities: (await select('priority', 'paused_priorities')).map((row) => text(row[0]) as Priority),
    fanouts: (await select('priority, suffix', 'fanouts')).map((row) => ({
      priority: text(row[0]) as Priority,
      suffix: text(row[1]),
    })),
  };
}

const attributesFrom = (
  sourceType: SqlRow[number] | undefined,
  destinationType: SqlRow[number] | undefined,
  json: SqlRow[number] | undefined,
): Attributes =>
  json == null
    ? plainAttributes({ sourceType: String(sourceType), destinationType: String(destinationType) })
    : (JSON.parse(String(json)) as Attributes);

/**
 * The statement that stores a change. What it removes may be gone already: the caller has decided under a lock that
 * the change is due.
 */
export async function writeChange(
  session: SqlSession,
  table: TableName,
  change: Change,
  forms: AttributeForms,
  deadline: Deadline,
): Promise<void> {
  const [sql, values] = statement(change, table, forms);
  await session.run(sql, values, deadline);
}

function statement(
  change: Change,
  table: TableName,
  forms: AttributeForms,
): readonly [sql: string, values: readonly SqlValue[]] {
  switch (change.kind) {
    case 'createTable': {
      const { tableId, name, service, hash } = change.table;
      return [
        `INSERT IGNORE INTO ${table('tables')} (table_id, name, service, hash) VALUES (?, ?, ?, ?)`,
        [tableId, name, service, hash],
      ];
    }
    case 'removeTable':
      return [`DELETE FROM ${table('tables')} WHERE table_id = ?`, [change.tableId]];
    case 'createShard': {
      const { id, type, schemaVersion = 1, attributes, busy } = change.shard;
      const { sourceType, destinationType } = forms.texts(change.shard);
      return [
        `INSERT IGNORE INTO ${table('shards')} (hostname, table_prefix, type, source_type, destination_type, attributes, busy) VALUES (?, ?, ?, ?, ?, ?, ?)`,
        [
          id.hostname,
          id.tablePrefix,
          `${type}${versionText(schemaVersion)}`,
          sourceType,
          destinationType,
          JSON.stringify(attributes),
          busyStates.indexOf(busy),
        ],
      ];
    }
    case 'deleteShard':
      return [
        `DELETE FROM ${table('shards')} WHERE hostname = ? AND table_prefix = ?`,
        [change.id.hostname, change.id.tablePrefix],
      ];
    case 'addLink': {
      const { parent, child, weight } = change.link;
      return [
        `REPLACE INTO ${table('links')} (parent_hostname, parent_table_prefix, child_hostname, child_table_prefix, weight) VALUES (?, ?, ?, ?, ?)`,
        [parent.hostname, parent.tablePrefix, child.hostname, child.tablePrefix, weight],
      ];
    }
    case 'removeLink':
      return [
        `DELETE FROM ${table('links')} WHERE parent_hostname = ? AND parent_table_prefix = ? AND child_hostname = ? AND child_table_prefix = ?`,
        [change.parent.hostname, change.parent.tablePrefix, change.child.hostname, change.child.tablePrefix],
      ];
    case 'setForwarding': {
      const { tableId, baseId, shard } = change.forwarding;
      return [
        `REPLACE INTO ${table('forwardings')} (table_id, base_id, shard_hostname, shard_table_prefix) VALUES (?, ?, ?, ?)`,
        [tableId, baseId, shard.hostname, shard.tablePrefix],
      ];
    }
    case 'removeForwarding':
      return [
        `DELETE FROM ${table('forwardings')} WHERE table_id = ? AND base_id = ?`,
        [change.tableId, change.baseId],
      ];
    case 'setHostWeight':
      return [
        `REPLACE INTO ${table('host_weights')} (hostname, read_weight, write_weight) VALUES (?, ?, ?)`,
        [change.weight.hostname, change.weight.read, change.weight.write],
      ];
    case 'removeHostWeight':
      return [`DELETE FROM ${table('host_weights')} WHERE hostname = ?`, [change.hostname]];
    case 'markBusy':
      return [
        `UPDATE ${table('shards')} SET busy = ? WHERE hostname = ? AND table_prefix = ?`,
        [busyStates.indexOf(change.busy), change.id.hostname, change.id.tablePrefix],
      ];
    case 'setSchemaVersion':
      return [
        `UPDATE ${table('shards')} SET type = CONCAT(SUBSTRING_INDEX(type, '@', 1), ?) WHERE hostname = ? AND table_prefix = ?`,
        [versionText(change.schemaVersion), change.id.hostname, change.id.tablePrefix],
      ];
    case 'setRemoteHost': {
      const { hostname, port, cluster, status } = change.host;
      return [
        `REPLACE INTO ${table('remote_hosts')} (hostname, port, cluster, status) VALUES (?, ?, ?, ?)`,
        [hostname, port, cluster, remoteStatuses.indexOf(status)],
      ];
    }
    case 'removeRemoteHost':
      return [`DELETE FROM ${table('remote_hosts')} WHERE hostname = ? AND port = ?`, [change.hostname, change.port]];
    case 'pauseJobs':
      return [`INSERT IGNORE INTO ${table('paused_priorities')} (priority) VALUES (?)`, [change.priority]];
    case 'resumeJobs':
      return [`DELETE FROM ${table('paused_priorities')} WHERE priority = ?`, [change.priority]];
    case 'addFanout':
      return [
        `INSERT IGNORE INTO ${table('fanouts')} (priority, suffix) VALUES (?, ?)`,
        [change.fanout.priority, change.fanout.suffix],
      ];
    case 'removeFanout':
      return [
        `DELETE FROM ${table('fanouts')} WHERE priority = ? AND suffix = ?`,
        [change.fanout.priority, change.fanout.suffix],
      ];
  }
}
