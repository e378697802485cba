import { createPool, type Pool } from 'mysql2/promise';
import type { RoostConfig } from '../../process/index.js';

/** A plain pool on a database host, as a user of mysql2 would open it. The default is the first host. */
export function rawPool(config: RoostConfig, size: number, hostIndex = 0): Pool {
  const host = Object.values(config.databaseHosts)[hostIndex]!;
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
