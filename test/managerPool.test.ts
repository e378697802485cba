import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { callManager } from '../cli/console/managers.js';
import { startClusterServer, type ClusterServer } from './clusterServer.js';
import { freshCluster } from './support/index.js';

const size = 8;
const { config } = freshCluster('manager_pool', { pool: { size } });
const [nameServerHost = ''] = Object.keys(config.databaseHosts);
let server: ClusterServer;

beforeAll(async () => {
  server = await startClusterServer(config);
  await server.flock.createGraph('follows', { shards: 2, replicas: 1, hosts: [nameServerHost] });
});
afterAll(() => server.close());

it('leaves connections to data, however many calls of the manager hang on the same database', async () => {
  const { flock } = server;
  const { host, port, user, password } = config.databaseHosts[nameServerHost]!;
  const gate = await createConnection({ host, port, user, password });
  const [[table]] = (await gate.query({
    sql: "SELECT table_schema FROM information_schema.tables WHERE table_name = 'rollback_logs' AND table_schema LIKE ?",
    values: [`${config.cluster}%`],
    rowsAsArray: true,
  })) as unknown as [[[string]]];
  await gate.query(`LOCK TABLES \`${table[0]}\`.rollback_logs WRITE`);
  let ended = 0;
  const calls = Array.from({ length: 5 * size }, (_, i) =>
    callManager({ host: '127.0.0.1', port: server.managerPort }, (manager) =>
      i % 2 === 0 ? manager.log_get('none') : manager.log_create(`log ${i}`),
    )
      .catch(() => undefined)
      .finally(() => ended++),
  );
  try {
    const database = flock.gizzard.mysql.host(nameServerHost);
    await expect.poll(() => database.inUse).toBeGreaterThanOrEqual(2);
    // Two calls of the manager are in flight: a read and a change. The others have no connection.
    const ids = Array.from({ length: 10 * size }, (_, i) => BigInt(i));
    const found = await Promise.all(ids.map((id) => flock.edges(1, BigInt64Array.of(id), BigInt64Array.of(1n))));
    expect(found.flat()).toHaveLength(ids.length);
    expect(database.inUse).toBeLessThan(size);
    expect(ended).toBe(0);
  } finally {
    await gate.end();
    await Promise.all(calls);
  }
}, 30_000);
