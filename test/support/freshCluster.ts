import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import { afterAll, inject } from 'vitest';
import type { RoostConfig } from '../../process/index.js';
import { type ClusterConfigInput, clusterSchema } from '../clusterConfig.js';

export interface FreshCluster {
  readonly config: RoostConfig;
  /** A file with the same configuration, for commands. */
  readonly configPath: string;
}

let forAll: Partial<ClusterConfigInput> = {};

/**
 * Replaces top-level keys of the configuration in every cluster of the calling file, so that the file can run the
 * tests of another file in another setting.
 */
export function overrideClusters(overrides: Partial<ClusterConfigInput>): void {
  forAll = overrides;
}

/**
 * Creates a cluster of this test file's own on the shared playground: its identifier is new, so no other test uses
 * its databases or its Redis keys. Its server ports are 0, so that servers listen on free ports. Call it at the top
 * of the file or of a `describe`; when that is over, the databases and keys are dropped.
 *
 * @param name tells whose cluster it is: letters, digits and `_`
 * @param overrides top-level keys of the configuration to replace
 */
export function freshCluster(name: string, overrides: Partial<ClusterConfigInput> = {}): FreshCluster {
  const path = inject('playgroundConfigPath') as string | undefined;
  if (path === undefined)
    throw new Error('a test file that uses test/support must import it itself: vitest.config.ts looks for that');
  const shared = JSON.parse(readFileSync(path, 'utf8')) as ClusterConfigInput;
  const config = clusterSchema.parse({
    ...shared,
    log: { level: 'warn' },
    server: { managerPort: 0, injectorPort: 0, adminPort: 0 },
    ...forAll,
    ...overrides,
    cluster: `test_${name}_${randomBytes(4).toString('hex')}`,
  });
  // The folder lies beside the servers' own files, so that it is removed with them if a run is killed.
  const folder = mkdtempSync(join(dirname(path), 'cluster-'));
  const configPath = join(folder, 'roost.config.json');
  writeFileSync(configPath, JSON.stringify(config, null, 2));
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await Promise.all([
      ...Object.values(config.databaseHosts).map((host) => dropDatabases(host, config.cluster)),
      dropKeys(config),
    ]);
  });
  return { config, configPath };
}

async function dropDatabases(host: RoostConfig['databaseHosts'][string], cluster: string): Promise<void> {
  const { socketPath, ...rest } = host;
  const connection = await createConnection(
    socketPath === undefined ? rest : { user: host.user, password: host.password, socketPath },
  );
  try {
    const [rows] = await connection.query({
      sql: 'SELECT schema_name FROM information_schema.schemata',
      rowsAsArray: true,
    });
    for (const [database] of rows as string[][]) {
      if (database?.startsWith(cluster)) await connection.query(`DROP DATABASE \`${database}\``);
    }
  } finally {
    await connection.end();
  }
}

async function dropKeys(config: RoostConfig): Promise<void> {
  const { host, port, password } = config.redis;
  const redis = new Redis({ host, port, ...(password === undefined ? {} : { password }) });
  try {
    let cursor = '0';
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', `*${config.cluster}*`, 'COUNT', 1000);
      if (keys.length > 0) await redis.unlink(...keys);
      cursor = next;
    } while (cursor !== '0');
  } finally {
    redis.disconnect();
  }
}
