import type { Command } from 'commander';
import { groupCommands } from './commandGroups.js';
import type { CliIo } from './console/cliIo.js';
import { defineGroup } from './console/command.js';
import { addCheckCommand } from './flock/checkCommand.js';
import { addEdgeCommands } from './flock/edgeCommands.js';
import { addNodeCommands } from './flock/nodeCommands.js';
import { addQueryCommands } from './flock/queryCommands.js';
import { addWriteCommands } from './flock/writeCommands.js';
import { addGraphCommands } from './graph.js';
import { addGraphDumpCommand } from './graphDump.js';
import { addLoadCommand } from './load.js';
import { addLookupCommand } from './lookup.js';

/** Graphs, their files, and edges. */
export function addFlockCommands(program: Command, io: CliIo): void {
  addGraphCommands(program, io);
  addLoadCommand(program, io);
  addGraphDumpCommand(program, io);
  addLookupCommand(program, io);
  const flock = defineGroup(program, 'flock', 'write edges, and ask a server about them');
  addWriteCommands(flock, io);
  addEdgeCommands(flock, io);
  addNodeCommands(flock, io);
  addQueryCommands(flock, io);
  addCheckCommand(flock, io);
  groupCommands(flock, {
    'Write:': ['add', 'remove', 'archive', 'negate'],
    'Read:': [
      'contains',
      'get',
      'page',
      'count',
      'metadata',
      'edges',
      'intersect',
      'union',
      'difference',
      'query',
      'explain',
    ],
    'Look after them:': ['check'],
  });
}
