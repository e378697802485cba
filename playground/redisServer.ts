import type { RedisFsync } from './state.js';

/** The settings that the journal relies on: every write in the append-only file, and nothing ever evicted. */
export const redisSettings = (fsync: RedisFsync): string[] => [
  ...['--appendonly', 'yes'],
  ...['--appendfsync', fsync],
  ...['--save', ''],
  ...['--maxmemory-policy', 'noeviction'],
];

export const redisArguments = (options: {
  readonly folder: string;
  readonly port: number;
  readonly fsync: RedisFsync;
}): string[] => [
  ...['--bind', '127.0.0.1'],
  ...['--port', String(options.port)],
  ...['--dir', options.folder],
  ...['--daemonize', 'no'],
  ...redisSettings(options.fsync),
];
