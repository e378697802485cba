import { createHash } from 'node:crypto';
import type { RoostConfig } from '../../process/index.js';

/** Sections that should be the same in all servers of a cluster. Addresses may differ by where a server stands, and sizes of pools by its machine. */
const sections = ['nameServer', 'manager', 'memcached', 'jobs', 'journal', 'moves'] as const;

/**
 * A short text that differs where configurations do: `name=digest`, separated by spaces. Of the database hosts their names count.
 *
 * @param settings what stores want to be the same, by their names
 */
export function configDigest(config: RoostConfig, settings: ReadonlyMap<string, unknown>): string {
  const parts: readonly (readonly [string, unknown])[] = [
    ['databaseHosts', Object.keys(config.databaseHosts).sort()],
    ...sections.map((section) => [section, config[section]] as const),
    ...settings,
  ];
  return parts
    .map(([name, value]) => `${name}=${createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 8)}`)
    .join(' ');
}
