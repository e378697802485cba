import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { priorities, RoostError } from '../../core/index.js';
import { plainAttributes, type AttributeForms } from '../shardAttributes.js';
import { parseShardId, remoteStatuses, shardKey, type TopologyState } from './types.js';

const shardId = z.string().transform((text, context) => {
  try {
    return parseShardId(text);
  } catch (error) {
    context.addIssue((error as Error).message);
    return z.NEVER;
  }
});
const baseId = z
  .string()
  .regex(/^\d{1,19}$/, 'must be a decimal number as a string')
  .transform(BigInt);

/** A topology in a file for people: shards are `host/prefix`, base ids are strings. Absent lists are empty. */
const fileSchema = z.strictObject({
  /**
   * The topology version that the file was made from. `apply` refuses if the cluster has changed since; leave it out
   * to skip that.
   */
  version: z.int().min(0).optional(),
  tables: z
    .array(z.strictObject({ tableId: z.int(), name: z.string(), service: z.string(), hash: z.string() }))
    .default([]),
  shards: z
    .array(
      z.strictObject({
        id: shardId,
        type: z.string(),
        attributes: z.record(z.string(), z.string()).default({}),
        /** As earlier releases wrote them. */
        sourceType: z.string().default(''),
        destinationType: z.string().default(''),
      }),
    )
    .default([]),
  links: z.array(z.strictObject({ parent: shardId, child: shardId, weight: z.int().min(0).default(1) })).default([]),
  forwardings: z.array(z.strictObject({ tableId: z.int(), baseId, shard: shardId })).default([]),
  hostWeights: z.array(z.strictObject({ hostname: z.string(), read: z.number(), write: z.number() })).default([]),
  remoteHosts: z
    .array(z.strictObject({ hostname: z.string(), port: z.int(), cluster: z.string(), status: z.enum(remoteStatuses) }))
    .default([]),
  pausedPriorities: z.array(z.enum(priorities)).default([]),
  fanouts: z.array(z.strictObject({ priority: z.enum(priorities), suffix: z.string() })).default([]),
  /** CRC-32 of the exported file without this line. */
  checksum: z.string().optional(),
});

/**
 * A topology as JSON for people, in canonical order, so that two files can be compared line by line, with a checksum.
 * Busy marks are left out.
 */
export function topologyToJson(state: TopologyState): string {
  const lines = [...linesOf(state), `  "checksum": ${JSON.stringify(checksumOf(state))}`];
  return `{\n${lines.join(',\n')}\n}\n`;
}

const checksumOf = (state: TopologyState): string => crc32(linesOf(state).join(',\n')).toString(16);

function linesOf(state: TopologyState): string[] {
  const { version, tables, shards, links, forwardings, hostWeights, remoteHosts, pausedPriorities, fanouts } = state;
  const file: z.input<typeof fileSchema> = {
    version,
    // Keys in canonical order, wherever the state comes from: the checksum depends on it.
    tables: tables
      .map(({ tableId, name, service, hash }) => ({ tableId, name, service, hash }))
      .sort((a, b) => Math.abs(a.tableId) - Math.abs(b.tableId) || b.tableId - a.tableId),
    shards: shards
      .map(({ id, type, attributes }) => ({
        id: shardKey(id),
        type,
        ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
      }))
      .sort(by(({ id }) => id)),
    links: links
      .map(({ parent, child, weight }) => ({ parent: shardKey(parent), child: shardKey(child), weight }))
      .sort(by(({ parent, child }) => `${parent} ${child}`)),
    forwardings: [...forwardings]
      .sort(
        (a, b) => Math.abs(a.tableId) - Math.abs(b.tableId) || b.tableId - a.tableId || (a.baseId < b.baseId ? -1 : 1),
      )
      .map(({ tableId, baseId: base, shard }) => ({ tableId, baseId: String(base), shard: shardKey(shard) })),
    hostWeights: hostWeights
      .map(({ hostname, read, write }) => ({ hostname, read, write }))
      .sort(by(({ hostname }) => hostname)),
    remoteHosts: remoteHosts
      .map(({ hostname, port, cluster, status }) => ({ hostname, port, cluster, status }))
      .sort(by(({ hostname, port }) => `${hostname}:${port}`)),
    pausedPriorities: [...pausedPriorities].sort(),
    fanouts: fanouts
      .map(({ priority, suffix }) => ({ priority, suffix }))
      .sort(by(({ priority, suffix }) => `${priority} ${suffix}`)),
  };
  return Object.entries(file).map(([name, value]) => {
    const entries = Array.isArray(value)
      ? `[${value.map((entry) => `\n    ${JSON.stringify(entry)}`).join(',')}${value.length === 0 ? '' : '\n  '}]`
      : JSON.stringify(value);
    return `  ${JSON.stringify(name)}: ${entries}`;
  });
}

/**
 * Reads a file from `topologyToJson` or from a person. Shards keep the busy marks in `current`. Throws
 * `InvalidArgument` with the place; the consistency of the topology is checked when it is applied.
 *
 * @returns the state with the version of `current`, and the version in the file; `edited`: the checksum does not
 * match, because the file was changed or is damaged
 */
export function topologyFromJson(
  json: string,
  current: TopologyState,
  forms: AttributeForms,
): { readonly state: TopologyState; readonly madeOf: number | undefined; readonly edited: boolean } {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new RoostError('InvalidArgument', `the file is not JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue];
    throw new RoostError(
      'InvalidArgument',
      `${path.length === 0 ? 'the file' : path.map(String).join('.')}: ${message}`,
      { fields: { path: path.map(String).join('.') } },
    );
  }
  const { version: madeOf, checksum, ...lists } = parsed.data;
  const busy = new Map(current.shards.map((shard) => [shardKey(shard.id), shard.busy]));
  refuseTwice(
    'shard',
    lists.shards.map(({ id }) => shardKey(id)),
  );
  refuseTwice(
    'table',
    lists.tables.map(({ tableId }) => String(tableId)),
  );
  refuseTwice(
    'link',
    lists.links.map(({ parent, child }) => `${shardKey(parent)} → ${shardKey(child)}`),
  );
  refuseTwice(
    'forwarding',
    lists.forwardings.map((forwarding) => `${forwarding.tableId} at ${forwarding.baseId}`),
  );
  const state = {
    ...lists,
    version: current.version,
    shards: lists.shards.map(({ id, type, attributes, ...texts }) =>
      forms.named({
        id,
        type,
        attributes: { ...plainAttributes(texts), ...attributes },
        busy: busy.get(shardKey(id)) ?? 'normal',
      }),
    ),
  };
  const edited = checksum !== undefined && checksum !== checksumOf({ ...state, version: madeOf ?? 0 });
  return { madeOf, edited, state };
}

function refuseTwice(what: string, keys: readonly string[]): void {
  const seen = new Set<string>();
  for (const key of keys) {
    if (seen.has(key)) throw new RoostError('InvalidArgument', `the file has ${what} ${key} twice`);
    seen.add(key);
  }
}

const by =
  <T>(key: (entry: T) => string) =>
  (a: T, b: T): number =>
    key(a) < key(b) ? -1 : 1;
