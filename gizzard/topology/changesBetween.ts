import { isDeepStrictEqual } from 'node:util';
import { fanoutKey, forwardingKey, linkKey, remoteKey, type Change } from './changes.js';
import { shardKey, type ShardInfo, type TopologyState } from './types.js';

/**
 * The changes that turn `from` into `to`, in an order in which each is valid by itself: new shards come before their
 * links and forwardings, and deleted ones lose theirs first. With the states swapped they are a change's inverse.
 */
export function changesBetween(from: TopologyState, to: TopologyState): Change[] {
  const tables = compare(from.tables, to.tables, (table) => String(table.tableId));
  const shards = compare(from.shards, to.shards, (shard) => shardKey(shard.id));
  const links = compare(from.links, to.links, (link) => linkKey(link.parent, link.child));
  const forwardings = compare(from.forwardings, to.forwardings, forwardingKey);
  const weights = compare(from.hostWeights, to.hostWeights, (weight) => weight.hostname);
  const remotes = compare(from.remoteHosts, to.remoteHosts, remoteKey);
  const paused = compare(from.pausedPriorities, to.pausedPriorities, (priority) => priority);
  const fanouts = compare(from.fanouts, to.fanouts, fanoutKey);
  const remade = shards.changed.filter(([before, after]) => !sameShard(before, after));
  return [
    ...[...tables.gone, ...tables.changed.map(([before]) => before)].map(({ tableId }): Change => ({
      kind: 'removeTable',
      tableId,
    })),
    ...[...tables.added, ...tables.changed.map(([, after]) => after)].map((table): Change => ({
      kind: 'createTable',
      table,
    })),
    ...remade.flatMap(([before, after]): Change[] => [
      { kind: 'deleteShard', id: before.id },
      { kind: 'createShard', shard: after },
    ]),
    ...shards.added.map((shard): Change => ({ kind: 'createShard', shard })),
    ...shards.changed
      .filter(([before, after]) => sameShard(before, after))
      .flatMap(([before, { id, busy, schemaVersion = 1 }]): Change[] => [
        ...(before.busy === busy ? [] : [{ kind: 'markBusy', id, busy } as const]),
        ...((before.schemaVersion ?? 1) === schemaVersion
          ? []
          : [{ kind: 'setSchemaVersion', id, schemaVersion } as const]),
      ]),
    ...links.changed.map(([, link]): Change => ({ kind: 'addLink', link })),
    ...links.added.map((link): Change => ({ kind: 'addLink', link })),
    ...[...forwardings.changed.map(([, after]) => after), ...forwardings.added].map((forwarding): Change => ({
      kind: 'setForwarding',
      forwarding,
    })),
    ...forwardings.gone.map(({ tableId, baseId }): Change => ({ kind: 'removeForwarding', tableId, baseId })),
    ...links.gone.map(({ parent, child }): Change => ({ kind: 'removeLink', parent, child })),
    ...shards.gone.map(({ id }): Change => ({ kind: 'deleteShard', id })),
    ...[...weights.changed.map(([, after]) => after), ...weights.added].map((weight): Change => ({
      kind: 'setHostWeight',
      weight,
    })),
    ...weights.gone.map(({ hostname }): Change => ({ kind: 'removeHostWeight', hostname })),
    ...[...remotes.changed.map(([, after]) => after), ...remotes.added].map((host): Change => ({
      kind: 'setRemoteHost',
      host,
    })),
    ...remotes.gone.map(({ hostname, port }): Change => ({ kind: 'removeRemoteHost', hostname, port })),
    ...paused.added.map((priority): Change => ({ kind: 'pauseJobs', priority })),
    ...paused.gone.map((priority): Change => ({ kind: 'resumeJobs', priority })),
    ...fanouts.added.map((fanout): Change => ({ kind: 'addFanout', fanout })),
    ...fanouts.gone.map((fanout): Change => ({ kind: 'removeFanout', fanout })),
  ];
}

interface Comparison<T> {
  readonly added: readonly T[];
  readonly gone: readonly T[];
  readonly changed: readonly (readonly [before: T, after: T])[];
}

function compare<T>(from: readonly T[], to: readonly T[], keyOf: (entry: T) => string): Comparison<T> {
  const before = new Map(from.map((entry) => [keyOf(entry), entry]));
  const added: T[] = [];
  const changed: [T, T][] = [];
  for (const entry of to) {
    const key = keyOf(entry);
    const known = before.get(key);
    before.delete(key);
    if (known === undefined) added.push(entry);
    else if (known !== entry && !isDeepStrictEqual(known, entry)) changed.push([known, entry]);
  }
  return { added, gone: [...before.values()], changed };
}

const sameShard = (a: ShardInfo, b: ShardInfo): boolean =>
  a.type === b.type && isDeepStrictEqual(a.attributes, b.attributes);
