import { Deadline, RoostError } from '../../core/index.js';
import { unretiredPrefix } from '../migrations/steps.js';
import { parseShardId, shardKey, type ShardId, type ShardInfo } from '../topology/types.js';
import { backendOf, type ShardType } from '../shardType.js';
import type { Check, Examination, Finding } from './check.js';

const hostDeadlineMs = 10_000;

/** Tables that belong to no shard, and shards without tables on their host. */
export const tables: Check = {
  name: 'tables',
  async examine(examination) {
    const { hosts, types } = examination;
    const ofHost = (hostname: string): ShardType[] =>
      [...types.values()].filter((type) => backendOf(type) === hosts.backendOf(hostname).name);
    const found = await Promise.all(
      hosts.names.map(async (hostname): Promise<Finding[]> => {
        try {
          return (await Promise.all(ofHost(hostname).map((type) => tablesOf(hostname, type, examination)))).flat();
        } catch (error) {
          const waiting = [...examination.leftBehind.keys()].filter(
            (shard) => parseShardId(shard).hostname === hostname,
          );
          const left = waiting.length === 0 ? '' : `; migrations have left tables behind on it: ${waiting.join(', ')}`;
          return [
            {
              kind: 'unreachableHost',
              subject: hostname,
              message: `host ${hostname} cannot be looked at: ${RoostError.from(error).message}${left}`,
            },
          ];
        }
      }),
    );
    return found.flat();
  },
};

async function tablesOf(hostname: string, type: ShardType, examination: Examination): Promise<Finding[]> {
  if (type.moving === undefined) return [];
  const host = examination.hosts.host(hostname);
  const deadline = Deadline.after(hostDeadlineMs);
  const stored = await type.moving.stored(host, deadline);
  const shards = examination.topology.state.shards.filter(
    (shard) => shard.type === type.name && shard.id.hostname === hostname,
  );
  const missing = await type.moving.missing(
    host,
    shards.map(({ id }) => id.tablePrefix),
    deadline,
  );
  return [
    ...[...stored].flatMap(([tablePrefix, { bytes }]) =>
      unnamed({ hostname, tablePrefix }, bytes, type.name, examination),
    ),
    ...shards.flatMap((shard) => missingTables(shard, missing.get(shard.id.tablePrefix) ?? [])),
  ];
}

function missingTables({ id, type }: ShardInfo, names: readonly string[]): Finding[] {
  if (names.length === 0) return [];
  const message = `shard ${shardKey(id)} (${type}) lacks tables on ${id.hostname}, ${names.join(' and ')}: bring them back from a backup (or \`roost shard undrop\`), or replace the shard by a copy of another replica`;
  return [{ kind: 'missingTables', subject: shardKey(id), message }];
}

function unnamed(id: ShardId, bytes: number, type: string, { topology, reserved, leftBehind }: Examination): Finding[] {
  const key = shardKey(id);
  // A shard that is being dropped has its tables under another name for a while.
  const current = { ...id, tablePrefix: unretiredPrefix(id.tablePrefix) };
  if (topology.hasShard(id) || reserved.has(key) || reserved.has(shardKey(current))) return [];
  const shard: ShardInfo = { id, type, attributes: {}, busy: 'normal' };
  const migration = leftBehind.get(key) ?? leftBehind.get(shardKey(current));
  const why = migration === undefined ? '' : `: migration ${migration} left them behind when the host did not answer`;
  return [
    {
      kind: 'unnamedTables',
      subject: key,
      message: `host ${id.hostname} holds tables of ${id.tablePrefix} (${bytes} bytes) that no shard names${why}`,
      remedy: { kind: 'dropTables', shard },
    },
  ];
}
