import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { allCommands } from '../cli/cliReference.js';
import { buildProgram } from '../cli/program.js';
import { recordedIo } from './callRoost.js';

const page = readFileSync(join(import.meta.dirname, '../docs/gizzmo.md'), 'utf8');

it('names in docs/gizzmo.md only commands that exist', () => {
  // A command that has its own output does something, as `roost topology` does beside its commands.
  const commands = allCommands(buildProgram(recordedIo('.').io)).flatMap(({ path, command }) =>
    [command.name(), ...command.aliases()].map((name) => ({
      path: path.replace(/\S+$/, name),
      group: command.commands.length > 0 && !command.options.some(({ long }) => long === '--json'),
    })),
  );
  const known = new Map(commands.map(({ path, group }) => [path, group]));
  /** A group stands for itself; a command is followed by its arguments. */
  const exists = (words: string): boolean =>
    known.has(words) ||
    words.split(' ').some((_, i, parts) => i > 0 && known.get(parts.slice(0, i + 1).join(' ')) === false);
  const named = [...page.matchAll(/`(roost(?: [a-z-]+)+)/g)].map(([, words]) => words!);
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter((words) => !exists(words))).toEqual([]);
  expect(exists('roost shard fly')).toBe(false);

  const rows = page.split('\n').filter((line) => /^\| [a-z-]+ \| `roost/.test(line));
  expect(rows).toHaveLength(47);
  // A group alone would not say which of its commands is meant.
  for (const row of rows) expect(known.get(/`(roost[a-z -]+?)(?: --\S+)?`/.exec(row)![1]!), row).toBe(false);
});
