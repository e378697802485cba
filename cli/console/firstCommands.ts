import type { CliIo } from './cliIo.js';

const first: readonly (readonly [command: string, does: string])[] = [
  ['roost quickstart', 'see all of it work on this machine: databases, a graph, tweets, timelines, a fault'],
  ['roost playground start', 'start private databases, Redis and memcached, and keep them'],
  ['roost serve', 'run a server on them, or on those of roost.config.json'],
  ['roost doctor', 'find what is wrong with a cluster'],
  ['roost --help', 'list every command'],
];

/** Prints the text of `roost` without arguments. */
export function showFirstCommands(io: CliIo): void {
  const width = Math.max(...first.map(([command]) => command.length));
  const lines = first.map(([command, does]) => `  ${command.padEnd(width)}  ${does}`);
  io.stdout.write(`Begin with:\n${lines.join('\n')}\n`);
}
