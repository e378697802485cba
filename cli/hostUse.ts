import type { Cluster } from '../cluster/index.js';
import { RoostError } from '../core/index.js';
import { parseShardId, shardKey } from '../gizzard/index.js';

const namedShards = 5;

/** Why a database host cannot be forgotten yet, one sentence each. `lost`: the host is not asked what it holds. */
export async function whatNamesHost({ gizzard, opened }: Cluster, name: string, lost: boolean): Promise<string[]> {
  const { topology, config, hosts, migrations, jobs, dropped } = gizzard;
  const reasons: string[] = [];
  const shards = topology.state.shards.filter(({ id }) => id.hostname === name).map(({ id }) => shardKey(id));
  const more = shards.length > namedShards ? ` and ${shards.length - namedShards} more` : '';
  if (shards.length > 0)
    reasons.push(
      `${shards.length} shards are on it (${shards.slice(0, namedShards).join(', ')}${more}): \`roost host drain ${name}\``,
    );
  const held = new Set(
    [...(await migrations.reservations())].flatMap(([shard, migration]) =>
      parseShardId(shard).hostname === name ? [migration] : [],
    ),
  );
  for (const migration of held)
    reasons.push(`migration ${migration} works with shards on it: \`roost migrations show ${migration}\``);
  for (const { store, opened: own } of opened) {
    const reason = await store.hosts?.uses(own, name);
    if (reason !== undefined) reasons.push(reason);
  }
  if (config.nameServer.hosts.includes(name)) reasons.push('it is a host of the name server (nameServer.hosts)');
  const queues = (await jobs.queues.status()).flatMap((queue) => queue.hosts.filter(({ host }) => host === name));
  const [failing, bad] = [
    queues.reduce((sum, one) => sum + one.failing.jobs, 0),
    queues.reduce((sum, one) => sum + one.bad.jobs, 0),
  ];
  if (failing + bad > 0) reasons.push(`${failing} failing and ${bad} bad jobs are kept for it: \`roost job list\``);
  if (lost) return reasons;
  if (!hosts.has(name)) return reasons;
  try {
    const kept = await dropped.list(name);
    if (kept.length > 0)
      reasons.push(
        `the tables of ${kept.length} dropped shards are kept on it until ${new Date(Math.max(...kept.map(({ keepUntilMs }) => keepUntilMs))).toISOString()}, for undrop (\`roost shard dropped\`): wait, or \`roost shard purge --host ${name}\` gives them up`,
      );
  } catch (error) {
    reasons.push(
      `it cannot be asked whether it keeps dropped tables (${RoostError.from(error).message}): --lost where it is gone for good`,
    );
  }
  return reasons;
}
