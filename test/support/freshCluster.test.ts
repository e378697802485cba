import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshCluster } from './index.js';

const { config } = freshCluster('harness');
const redis = new Redis(config.redis.port, config.redis.host);
let clusters: string[] = [];

const databases = async (): Promise<string[]> => {
  const { port, user, password } = Object.values(config.databaseHosts)[0]!;
  const connection = await createConnection({ port, user, password });
  const [rows] = await connection.query({ sql: 'SHOW DATABASES', rowsAsArray: true });
  await connection.end();
  return (rows as string[][]).flat();
};

afterAll(() => redis.quit());

describe('a fresh cluster', () => {
  const first = freshCluster('first');
  const second = freshCluster('second', { jobs: { errorLimit: 7 } });

  beforeAll(async () => {
    clusters = [first.config.cluster, second.config.cluster];
    const { port, user, password } = Object.values(config.databaseHosts)[0]!;
    const connection = await createConnection({ port, user, password });
    for (const cluster of clusters) {
      await connection.query(`CREATE DATABASE \`${cluster}_data\``);
      await redis.set(`${cluster}:key`, '1');
    }
    await connection.end();
  });

  it('has an identifier of its own', () => {
    expect(new Set(clusters).size).toBe(2);
  });

  it('has the servers of the playground, and what the test asked for', () => {
    expect(Object.keys(first.config.databaseHosts)).toHaveLength(2);
    expect(first.config.memcached).toHaveLength(2);
    expect(first.config.server).toMatchObject({ flockPort: 0, managerPort: 0, injectorPort: 0, adminPort: 0 });
    expect(second.config.jobs.errorLimit).toBe(7);
  });

  it('keeps what is written to it while the tests run', async () => {
    expect(await databases()).toEqual(expect.arrayContaining(clusters.map((cluster) => `${cluster}_data`)));
  });
});

describe('afterwards', () => {
  it('leaves no databases and no keys', async () => {
    const left = (await databases()).filter((name) => clusters.some((cluster) => name.startsWith(cluster)));
    expect(left).toEqual([]);
    expect(await redis.exists(...clusters.map((cluster) => `${cluster}:key`))).toBe(0);
  });
});
