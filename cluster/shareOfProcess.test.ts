import { expect, it } from 'vitest';
import { configSchema } from '../process/index.js';
import { shareOfProcess } from './shareOfProcess.js';

const config = configSchema.parse({ databaseHosts: { db1: {} }, nameServer: { hosts: ['db1'] } });

it.each([1, 2, 3, 16, 100])('divides the limits of a server among %d processes', (processes) => {
  const { pool, server } = shareOfProcess(config, processes);
  expect(pool.size).toBeGreaterThanOrEqual(1);
  expect(pool.size * processes).toBeLessThanOrEqual(Math.max(config.pool.size, processes));
  expect(server.connections * processes).toBeLessThanOrEqual(config.server.connections);
});
