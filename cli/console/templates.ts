import { InvalidArgumentError, Option } from 'commander';
import { RoostError } from '../../core/index.js';
import {
  defaultColumnType,
  type Gizzard,
  parseTemplate,
  type ShardId,
  shardKey,
  type Template,
  type Topology,
} from '../../gizzard/index.js';
import { tableArgument } from './cluster.js';

/** The types of leaves, by the names that we and the old tools give them. */
const leafTypes: Readonly<Record<string, string>> = {
  flock: 'flock',
  SqlShard: 'flock',
  tweets: 'tweets',
  users: 'users',
};

/** A template as an argument, in our form or in the old tools'; a bad one is a usage error that says where. */
export function templateArgument(text: string): Template {
  try {
    return parseTemplate(text, (name) => leafTypes[name]);
  } catch (error) {
    throw error instanceof RoostError ? new InvalidArgumentError(error.message) : error;
  }
}

export const templateListArgument = (text: string, before: readonly Template[] | undefined): readonly Template[] => [
  ...(before ?? []),
  templateArgument(text),
];

/**
 * A template whose leaves say what the shards of their types say: those of graphs the types of two columns, which every template may leave out, others what only they know,
 * such as the length of a window.
 */
export function completed(topology: Topology, template: Template): Template {
  const { host, type, sourceType, destinationType, children } = template;
  if (host === undefined) return { ...template, children: children.map((child) => completed(topology, child)) };
  const known = topology.state.shards.find((shard) => shard.type === type);
  if (
    type === 'flock' ||
    known === undefined ||
    sourceType !== defaultColumnType ||
    destinationType !== defaultColumnType
  )
    return template;
  return { ...template, sourceType: known.sourceType, destinationType: known.destinationType };
}

export const baseArgument = (text: string): bigint => {
  if (/^\d{1,19}$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError('It must be a hash, an integer of 0 or more.');
};

export interface TablesOption {
  readonly tables?: readonly number[];
}

export const tablesOption = (): Option =>
  new Option(
    '--tables <number,...>',
    "only these tables: a graph's number, negated for its backward edges (default: all)",
  ).argParser((text: string) => text.split(',').map((one) => tableArgument(one.trim())));

/** The tables that an operator named, or all. */
export const chosenTables = ({ topology }: Gizzard, { tables }: TablesOption): readonly number[] =>
  tables ?? topology.tables.map((table) => table.tableId);

export const keysOf = (ids: readonly { readonly id: ShardId }[]): string =>
  ids.map(({ id }) => shardKey(id)).join(', ');
