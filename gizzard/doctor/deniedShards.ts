import { nodeType } from '../nodes/index.js';
import { hostsInUse } from '../topology/hostsInUse.js';
import { reachableShards } from '../topology/reachableShards.js';
import type { Topology } from '../topology/topology.js';
import { shardKey, type ShardId, type ShardInfo } from '../topology/types.js';
import type { Check, Finding } from './check.js';

/** Leaves that a message names. */
const named = 3;

/**
 * Hosts whose weights, and nodes in use whose types, keep reads or writes from leaves. Nodes of migrations are left
 * out.
 */
export const deniedShards: Check = {
  name: 'denied hosts and shards',
  quick: true,
  examine({ topology, reserved, types }) {
    const inUse = hostsInUse(topology);
    const hosts = topology.state.hostWeights.flatMap(({ hostname, read, write }): Finding[] => {
      if (!inUse.includes(hostname) || (read > 0 && write > 0)) return [];
      const what = [
        ...(read > 0 ? [] : ['is not read (read weight 0)']),
        ...(write > 0 ? [] : ['is not written, its writes wait in the journal (write weight 0)']),
      ].join(' and ');
      return [
        {
          kind: 'deniedHost',
          subject: hostname,
          message: `host ${hostname} ${what}; \`roost host weight ${hostname}\` changes that`,
        },
      ];
    });
    const meant = new Set([...types.values()].flatMap(({ deniesOnPurpose = [] }) => deniesOnPurpose.map(shardKey)));
    const denying = denyingNodes(topology);
    const used = denying.length === 0 ? new Set<string>() : reachableShards(topology);
    const nodes = denying.flatMap(({ id, type }): Finding[] => {
      const key = shardKey(id);
      const node = nodeType(type);
      if (node === undefined || !used.has(key) || reserved.has(key) || meant.has(key)) return [];
      const leaves = leavesBelow(topology, id);
      if (leaves.length === 0) return [];
      const parts = [said('reads', node.read), said('writes', node.write)].filter((part) => part !== undefined);
      const more = leaves.length > named ? ` and ${leaves.length - named} more` : '';
      return [
        {
          kind: 'deniedShard',
          subject: key,
          message: `${key} (${type}) ${parts.join(' and ')} of ${leaves.slice(0, named).join(', ')}${more}; \`roost shard unwrap ${key}\` takes it away`,
        },
      ];
    });
    return [...hosts, ...nodes];
  },
};

const known = new WeakMap<Topology, readonly ShardInfo[]>();

/** The inner nodes whose types keep reads or writes away. Worked out once for each topology. */
function denyingNodes(topology: Topology): readonly ShardInfo[] {
  let nodes = known.get(topology);
  if (nodes === undefined) {
    nodes = topology.state.shards.filter(({ type }) => {
      const node = nodeType(type);
      return node !== undefined && (node.read !== 'allow' || node.write !== 'allow');
    });
    known.set(topology, nodes);
  }
  return nodes;
}

function leavesBelow(topology: Topology, id: ShardId): string[] {
  if (nodeType(topology.shard(id).type) === undefined) return [shardKey(id)];
  return [...new Set(topology.children(id).flatMap(({ child }) => leavesBelow(topology, child)))];
}

function said(what: 'reads' | 'writes', behavior: 'allow' | 'deny' | 'ignore'): string | undefined {
  if (behavior === 'allow') return undefined;
  return `${behavior === 'deny' ? 'refuses' : 'drops'} ${what}`;
}
