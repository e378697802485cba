import { nodeType } from '../nodes/index.js';
import { reachableShards } from '../topology/reachableShards.js';
import { shardKey } from '../topology/types.js';
import type { Check, Finding } from './check.js';

/**
 * Links left by half-done work: from a node that nothing forwards to, or to a replica that is written and never read.
 */
export const links: Check = {
  name: 'links',
  examine({ topology, reserved }) {
    const used = reachableShards(topology);
    return topology.state.links.flatMap((link): Finding[] => {
      const [parent, child] = [shardKey(link.parent), shardKey(link.child)];
      if (reserved.has(parent) || reserved.has(child)) return [];
      if (!used.has(parent) && used.has(child)) {
        const remedy = {
          kind: 'change',
          changes: [{ kind: 'removeLink', parent: link.parent, child: link.child }],
        } as const;
        return [
          {
            kind: 'leftOverLink',
            subject: `${parent} → ${child}`,
            message: `nothing forwards to ${parent}, which is still linked to ${child}`,
            remedy,
          },
        ];
      }
      if (used.has(parent) && link.weight === 0 && nodeType(topology.shard(link.parent).type)?.replicates === true) {
        return [
          {
            kind: 'idleLink',
            subject: `${parent} → ${child}`,
            message: `${child} is written and never read: its link below ${parent} has weight 0, and no migration is under way`,
          },
        ];
      }
      return [];
    });
  },
};
