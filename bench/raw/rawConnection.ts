import { createPool, type Pool } from 'mysql2/promise';
import type { RoostConfig } from '../../core/index.js';

/** What a user of mysql2 would open: a plain pool on the first database host. */
export function rawPool(config: RoostConfig, size: number): Pool {
  const host = Object.values(config.databaseHosts)[0]!;
  return createPool({
    ...(host.socketPath === undefined ? { host: host.host, port: host.port } : { socketPath: host.socketPath }),
    user: host.user,
    password: host.password,
    connectionLimit: size,
    supportBigNumbers: true,
    rowsAsArray: true,
    multipleStatements: false,
  });
}
