import { InvalidArgumentError } from 'commander';
import { openCluster } from '../../cluster/index.js';
import { priorities, type Priority, RoostError } from '../../core/index.js';
import {
  type Change,
  type Gizzard,
  parseShardId,
  refuseEmptied,
  type ShardId,
  thisProcess,
  type Topology,
  topologyWarnings,
} from '../../gizzard/index.js';
import type { CliIo } from './cliIo.js';
import { type ConfigOptions, openConfig, outputFor } from './command.js';
import type { Output } from './output.js';

/** Works on a cluster as a library, without a server. Throws if the name server was never set up. */
export async function withCluster(
  io: CliIo,
  options: ConfigOptions,
  work: (gizzard: Gizzard, output: Output) => Promise<void>,
): Promise<void> {
  const { config } = openConfig(io, options);
  const cluster = await openCluster(config, io.stores);
  try {
    await work(cluster.gizzard, outputFor(io, options));
  } finally {
    await cluster.close();
  }
}

/** The result of a change: the new topology version, and warnings about what is probably unintended. */
export interface Changed {
  readonly topologyVersion: number;
  readonly warnings: readonly string[];
}

/** Changes the topology in the name of a command, such as "shard delete". */
export async function change(gizzard: Gizzard, command: string, changes: readonly Change[]): Promise<Changed> {
  refuseEmptied(gizzard.topology, changes);
  const before = topologyWarnings(gizzard.topology);
  const topology = await gizzard.apply(changes, `roost ${command}, ${thisProcess()}`);
  return {
    topologyVersion: topology.version,
    warnings: topologyWarnings(topology).filter((warning) => !before.includes(warning)),
  };
}

/** Prints what a command changed, and how to undo it. */
export function reportChange(
  output: Output,
  changed: Changed,
  value: object,
  text: string,
  nextSteps: readonly string[] = [],
): void {
  const warnings = changed.warnings.map((warning) => `\n${output.red('warning:')} ${warning}`).join('');
  output.result({ ...value, ...changed }, () => `${text} (topology version ${changed.topologyVersion})${warnings}`, [
    ...nextSteps,
    `roost audit undo ${changed.topologyVersion}`,
  ]);
}

/** A shard id as an argument; a bad one is a usage error. */
export function shardArgument(text: string): ShardId {
  try {
    return parseShardId(text);
  } catch (error) {
    throw error instanceof RoostError ? new InvalidArgumentError(error.message) : error;
  }
}

export const shardListArgument = (text: string, before: readonly ShardId[] | undefined): readonly ShardId[] => [
  ...(before ?? []),
  shardArgument(text),
];

export function priorityArgument(text: string): Priority {
  const found = priorities.find((priority) => priority === text);
  if (found === undefined) throw new InvalidArgumentError(`The priorities are ${priorities.join(', ')}.`);
  return found;
}

/** The number of a table: positive forward, negative backward. */
export function tableArgument(text: string): number {
  const table = /^-?\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (Math.abs(table) < 2 ** 31) return table;
  throw new InvalidArgumentError('A table is given by its number, an integer of 32 bits.');
}

export function weightArgument(text: string): number {
  const weight = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (Number.isFinite(weight)) return weight;
  throw new InvalidArgumentError('It must be a number of 0 or more.');
}

/** A table for people: a graph's two tables have one name, and numbers of opposite sign. */
export const tableName = (topology: Topology, tableId: number): string => {
  const table = topology.tables.find((known) => known.tableId === tableId);
  if (table === undefined) return String(tableId);
  const isDirection = topology.tables.some((other) => other.tableId === -tableId && other.name === table.name);
  return `${tableId} (${table.name}${isDirection ? (tableId < 0 ? ', backward' : ', forward') : ''})`;
};
