import type { Command } from 'commander';

/** The commands of a long help, by task. A command in no group keeps commander's own heading. */
const groups: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  roost: {
    'Begin:': ['quickstart', 'playground', 'serve', 'ping'],
    'Data:': ['graph', 'flock', 'tweets', 'users', 'timeline', 'load', 'dump', 'lookup'],
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
  },
  flock: {
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
  },
  shard: {
    'Look:': ['list', 'busy', 'info', 'tree', 'diff', 'moves', 'dropped'],
    'Copy and repair:': ['copy', 'repair', 'strays', 'rate', 'cancel'],
    'Change by hand:': ['create', 'delete', 'undrop', 'purge', 'wrap', 'unwrap', 'mark'],
  },
  timeline: {
    'Read:': ['home', 'user', 'mentions', 'activity'],
    'Look after them:': ['setup', 'rebuild', 'explain', 'stats', 'check'],
  },
  tweets: {
    'Tweets:': ['create', 'get', 'counts', 'timeline', 'delete', 'undelete', 'import'],
    'Look after them:': ['setup', 'check', 'windows', 'roll', 'undrop', 'release'],
  },
};

/** Puts the commands of a long help under headings. */
export function groupCommands(program: Command): void {
  for (const [name, headings] of Object.entries(groups)) {
    const parent = name === program.name() ? program : program.commands.find((each) => each.name() === name);
    for (const [heading, names] of Object.entries(headings))
      for (const each of names) parent?.commands.find((command) => command.name() === each)?.helpGroup(heading);
  }
}
