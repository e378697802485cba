import type { Command } from 'commander';

/** The commands of the cluster itself, by task. Those of stores stand under `Data:`. */
const ownGroups = {
  'Begin:': ['quickstart', 'playground', 'serve', 'ping'],
  'Is all well?': ['doctor', 'check', 'top', 'job', 'journal', 'cache', 'metrics'],
  'Bring it back:': ['backup', 'restore'],
  'Move and change shards:': [
    'move',
    'split',
    'merge',
    'rebalance',
    'transform',
    'transform-tree',
    'add-partition',
    'remove-partition',
    'migrations',
  ],
  'Hosts and releases:': ['host', 'nameserver', 'upgrade', 'reload', 'audit', 'completion'],
  'Who may do what:': ['access', 'certs', 'grants'],
  'The topology, part by part:': ['topology', 'report', 'create-table', 'shard', 'link', 'forwarding'],
};

/**
 * Puts the commands of a long help under headings. A command under no heading keeps the one that it has.
 *
 * @param groups the names of commands, by heading
 */
export function groupCommands(parent: Command, groups: Readonly<Record<string, readonly string[]>> = ownGroups): void {
  for (const [heading, names] of Object.entries(groups))
    for (const name of names) parent.commands.find((command) => command.name() === name)?.helpGroup(heading);
}
