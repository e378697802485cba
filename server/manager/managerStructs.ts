import { jsonForm, RoostError } from '../../core/index.js';
import {
  busyStates,
  plainAttributes,
  remoteStatuses,
  type AttributeForms,
  type Change,
  type Forwarding,
  type HostWeight,
  type Link,
  type RemoteHost,
  type RemoteStatus,
  type ShardId,
  type ShardInfo,
} from '../../gizzard/index.js';
import type { ShardClasses } from './shardClasses.js';
import { required } from '../../wire/index.js';
import type { ManagerTypes } from '../../wire/manager/index.js';

export const shardIdToThrift = ({ hostname, tablePrefix }: ShardId): ManagerTypes.ShardId => ({
  hostname,
  table_prefix: tablePrefix,
});

export const shardIdFromThrift = (id: ManagerTypes.ShardId): ShardId => {
  const { hostname, table_prefix: tablePrefix } = required(id, 'shard_id');
  return { hostname: required(hostname, 'hostname'), tablePrefix: required(tablePrefix, 'table_prefix') };
};

/** Gizzard's tools know two texts of a shard, and no names of attributes. */
export function shardToThrift(forms: AttributeForms, classes: ShardClasses, shard: ShardInfo): ManagerTypes.ShardInfo {
  const { id, type, busy } = shard;
  const { sourceType, destinationType } = forms.texts(shard);
  return {
    id: shardIdToThrift(id),
    class_name: classes.classOf(type),
    source_type: sourceType,
    destination_type: destinationType,
    busy: busyStates.indexOf(busy),
  };
}

export function shardFromThrift(classes: ShardClasses, shard: ManagerTypes.ShardInfo): ShardInfo {
  const {
    id,
    class_name: className,
    source_type: sourceType,
    destination_type: destinationType,
    busy,
  } = required(shard, 'shard');
  return {
    id: shardIdFromThrift(id),
    type: classes.typeOf(required(className, 'class_name')),
    attributes: plainAttributes({ sourceType: sourceType ?? '', destinationType: destinationType ?? '' }),
    busy: busyFromThrift(busy ?? 0),
  };
}

export const busyFromThrift = (busy: number): ShardInfo['busy'] => {
  const state = busyStates[required(busy, 'busy')];
  if (state !== undefined) return state;
  throw new RoostError(
    'InvalidArgument',
    `there is no busy state ${busy}: use ${busyStates.map((name, number) => `${number} (${name})`).join(', ')}`,
  );
};

export const linkToThrift = ({ parent, child, weight }: Link): ManagerTypes.LinkInfo => ({
  up_id: shardIdToThrift(parent),
  down_id: shardIdToThrift(child),
  weight,
});

export const weightToThrift = ({ hostname, read, write }: HostWeight): ManagerTypes.HostWeightInfo => ({
  hostname,
  weight_write: write,
  weight_read: read,
});

export function weightFromThrift(weight: ManagerTypes.HostWeightInfo): HostWeight {
  const { hostname, weight_write: write, weight_read: read } = required(weight, 'hostWeight');
  return {
    hostname: required(hostname, 'hostname'),
    read: required(read, 'weight_read'),
    write: required(write, 'weight_write'),
  };
}

export const forwardingToThrift = ({ tableId, baseId, shard }: Forwarding): ManagerTypes.Forwarding => ({
  table_id: tableId,
  base_id: baseId,
  shard_id: shardIdToThrift(shard),
});

export function forwardingFromThrift(forwarding: ManagerTypes.Forwarding): Forwarding {
  const { table_id: tableId, base_id: baseId, shard_id: shardId } = required(forwarding, 'forwarding');
  return {
    tableId: required(tableId, 'table_id'),
    baseId: required(baseId, 'base_id'),
    shard: shardIdFromThrift(shardId),
  };
}

export const hostToThrift = ({ hostname, port, cluster, status }: RemoteHost): ManagerTypes.Host => ({
  hostname,
  port,
  cluster,
  status: remoteStatuses.indexOf(status),
});

export function hostFromThrift(host: ManagerTypes.Host): RemoteHost {
  const { hostname, port, cluster, status } = required(host, 'host');
  return {
    hostname: required(hostname, 'hostname'),
    port: required(port, 'port'),
    cluster: required(cluster, 'cluster'),
    status: statusFromThrift(status),
  };
}

export function statusFromThrift(status: number): RemoteStatus {
  const name = remoteStatuses[required(status, 'status')];
  if (name !== undefined) return name;
  throw new RoostError(
    'InvalidArgument',
    `there is no host status ${status}: use ${remoteStatuses.map((known, number) => `${number} (${known})`).join(', ')}`,
  );
}

/** A change, or a rollback log's mark past which nothing is rolled back. */
type Operation = Change | 'commit';

/** Exactly one field of the union must be set. Throws `InvalidArgument` otherwise. */
export function operationToChange(classes: ShardClasses, operation: ManagerTypes.TransformOperation): Operation {
  const given = Object.entries(required(operation, 'command')).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  if (given.length !== 1)
    throw new RoostError('InvalidArgument', `an operation holds exactly one field, not ${given.length}`);
  const {
    create_shard: created,
    delete_shard: deleted,
    add_link: added,
    remove_link: removed,
    set_forwarding: set,
    remove_forwarding: unset,
  } = operation;
  if (created != null) return { kind: 'createShard', shard: shardFromThrift(classes, created) };
  if (deleted != null) return { kind: 'deleteShard', id: shardIdFromThrift(deleted) };
  if (added != null)
    return {
      kind: 'addLink',
      link: {
        parent: shardIdFromThrift(added.up_id),
        child: shardIdFromThrift(added.down_id),
        weight: required(added.weight, 'weight'),
      },
    };
  if (removed != null)
    return { kind: 'removeLink', parent: shardIdFromThrift(removed.up_id), child: shardIdFromThrift(removed.down_id) };
  if (set != null) return { kind: 'setForwarding', forwarding: forwardingFromThrift(set) };
  if (unset != null)
    return {
      kind: 'removeForwarding',
      tableId: required(unset.table_id, 'table_id'),
      baseId: required(unset.base_id, 'base_id'),
    };
  return 'commit';
}

/** An operation as text for a rollback log; `operationFromJson` reads it. */
export const operationToJson = (operation: ManagerTypes.TransformOperation): string =>
  JSON.stringify(operation, (_, value: unknown) => jsonForm(value) ?? undefined);

export const operationFromJson = (json: string): ManagerTypes.TransformOperation =>
  JSON.parse(json, (name, value: unknown) =>
    name === 'base_id' ? BigInt(value as string) : value,
  ) as ManagerTypes.TransformOperation;
