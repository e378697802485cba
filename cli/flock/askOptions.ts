import { type Command, InvalidArgumentError, Option } from 'commander';
import { limits, RoostError } from '../../core/index.js';
import { type Direction, type EdgeState, edgeStates } from '../../flock/index.js';
import { askingServers, type ClientOptions } from '../console/client.js';
import { defineCommand, integerArgument, nameListArgument } from '../console/command.js';
import { parseExpression, type QueryExpression } from './queryExpression.js';

export interface SetFlags extends ClientOptions {
  readonly direction: Direction;
  readonly states: readonly EdgeState[];
}

export interface PageFlags extends ClientOptions {
  readonly count: number;
  readonly cursor: string;
}

/** A command that asks a server about one graph. */
export const ask = (flock: Command, name: string, description: string, example: string): Command =>
  askingServers(defineCommand(flock, name, description, example).argument('<graph>', "the graph's name"));

export const directionOption = (): Option =>
  new Option('--direction <direction>', 'forward: the ends of its edges; backward: where edges to it begin')
    .choices(['forward', 'backward'])
    .default('forward');

export const statesOption = (): Option =>
  new Option('--states <state,...>', `edges in any of these states: ${edgeStates.join(', ')}`)
    .argParser(statesArgument)
    .default(['normal'], 'normal');

export const addPageOptions = (command: Command): Command =>
  command
    .option('--count <count>', 'entries of the page', integerArgument(1, limits.pageSize), 20)
    .addOption(
      new Option('--cursor <cursor>', 'where the page begins: -1 at the start, else a cursor that came with a page')
        .argParser(cursorArgument)
        .default('-1', '-1'),
    );

export function expressionArgument(text: string): QueryExpression {
  try {
    return parseExpression(text);
  } catch (error) {
    throw error instanceof RoostError ? new InvalidArgumentError(error.message) : error;
  }
}

function cursorArgument(text: string): string {
  if (/^-?\d{1,20}(\.[0-9a-f]{8})?$/.test(text)) return text;
  throw new InvalidArgumentError('It must be a cursor that came with a page.');
}

function statesArgument(text: string): readonly EdgeState[] {
  return nameListArgument(text).map((name) => {
    const state = edgeStates.find((known) => known === name);
    if (state === undefined) throw new InvalidArgumentError(`The states are ${edgeStates.join(', ')}.`);
    return state;
  });
}
