import type { RoostConfig } from '../process/index.js';

/**
 * The configuration of one of several processes of a server. It divides the server's limits among the processes. All
 * pools together hold no more connections than a single process would; with fewer connections than processes, each
 * process holds one.
 */
export function shareOfProcess(config: RoostConfig, processes: number): RoostConfig {
  const share = (whole: number): number => Math.max(1, Math.floor(whole / processes));
  const { pool, server, cache } = config;
  return {
    ...config,
    pool: { ...pool, size: share(pool.size), waiting: share(pool.waiting) },
    server: {
      ...server,
      connections: share(server.connections),
      connectionsPerAddress: share(server.connectionsPerAddress),
    },
    cache: { ...cache, processEntries: Math.floor(cache.processEntries / processes) },
  };
}
