import { InvalidArgumentError, Option } from 'commander';
import { RoostError } from '../../core/index.js';
import { type Gizzard, parseTemplate, type ShardId, shardKey, type Template } from '../../gizzard/index.js';
import type { CliIo } from './cliIo.js';
import { tableArgument } from './cluster.js';

/**
 * A template as an argument, in our form or that of the old tools; a malformed template is a usage error that gives
 * the position. `completed` checks the types of its leaves.
 */
export function templateArgument({ stores }: Pick<CliIo, 'stores'>): (text: string) => Template {
  const ours = new Map(stores.flatMap(({ toolClasses = {} }) => Object.entries(toolClasses)));
  return (text) => {
    try {
      return parseTemplate(text, (name) => ours.get(name) ?? name);
    } catch (error) {
      throw error instanceof RoostError ? new InvalidArgumentError(error.message) : error;
    }
  };
}

export const templateListArgument =
  (io: Pick<CliIo, 'stores'>) =>
  (text: string, before: readonly Template[] | undefined): readonly Template[] => [
    ...(before ?? []),
    templateArgument(io)(text),
  ];

/**
 * A template whose leaves have all their attributes by name. An attribute that has no default and that the template
 * leaves out, such as the length of a window, is copied from a shard of the same type. Throws `InvalidArgument` for a
 * leaf of a type that no store brings.
 */
export function completed(gizzard: Gizzard, template: Template): Template {
  const { host, type, children } = template;
  if (host === undefined) return { ...template, children: children.map((child) => completed(gizzard, child)) };
  if (gizzard.shardType(type) === undefined)
    throw new RoostError('InvalidArgument', `the template has a leaf of type ${type}, which no store brings`, {
      fields: { type },
    });
  const known = gizzard.topology.state.shards.find((shard) => shard.type === type)?.attributes ?? {};
  const without = Object.entries(gizzard.shardType(type)?.attributes ?? {}).flatMap(([name, attribute]) =>
    attribute.default === undefined && known[name] !== undefined ? [[name, known[name]] as const] : [],
  );
  const { attributes } = gizzard.attributes.named(template);
  return { ...template, attributes: { ...Object.fromEntries(without), ...attributes } };
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
