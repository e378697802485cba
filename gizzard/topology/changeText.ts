import type { Change } from './changes.js';
import { shardKey } from './types.js';

const namedChanges = 3;

/** The first few changes in a sentence, and how many more there are. */
export function changesSummary(changes: readonly Change[]): string {
  if (changes.length === 0) return 'nothing of the topology: rollback logs, names that were dropped, or the primary';
  const named = changes.slice(0, namedChanges).map(changeSentence).join('; ');
  return changes.length > namedChanges ? `${named}; and ${changes.length - namedChanges} more` : named;
}

export function changeSentence(change: Change): string {
  switch (change.kind) {
    case 'createTable':
      return `create table ${change.table.tableId} (${change.table.name})`;
    case 'removeTable':
      return `remove table ${change.tableId}`;
    case 'createShard':
      return `create shard ${shardKey(change.shard.id)} (${change.shard.type})`;
    case 'deleteShard':
      return `delete shard ${shardKey(change.id)}`;
    case 'addLink':
      return `link ${shardKey(change.link.parent)} → ${shardKey(change.link.child)}, weight ${change.link.weight}`;
    case 'removeLink':
      return `unlink ${shardKey(change.parent)} → ${shardKey(change.child)}`;
    case 'setForwarding':
      return `forward ${change.forwarding.tableId} at ${change.forwarding.baseId} to ${shardKey(change.forwarding.shard)}`;
    case 'removeForwarding':
      return `remove forwarding ${change.tableId} at ${change.baseId}`;
    case 'setHostWeight':
      return `weigh host ${change.weight.hostname}: read ${change.weight.read}, write ${change.weight.write}`;
    case 'removeHostWeight':
      return `forget the weight of host ${change.hostname}`;
    case 'markBusy':
      return `mark ${shardKey(change.id)} as ${change.busy}`;
    case 'setSchemaVersion':
      return `note schema version ${change.schemaVersion} of ${shardKey(change.id)}`;
    case 'setRemoteHost':
      return `remote host ${change.host.hostname}:${change.host.port} of ${change.host.cluster}: ${change.host.status}`;
    case 'removeRemoteHost':
      return `forget remote host ${change.hostname}:${change.port}`;
    case 'pauseJobs':
    case 'resumeJobs':
      return `${change.kind === 'pauseJobs' ? 'pause' : 'resume'} ${change.priority} jobs`;
    case 'addFanout':
    case 'removeFanout':
      return `${change.kind === 'addFanout' ? 'add' : 'remove'} fanout ${change.fanout.suffix} of ${change.fanout.priority} jobs`;
  }
}
