import { afterAll, describe, expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { silentLog } from '../process/index.js';
import { freshCluster } from '../test/support/index.js';
import { DatabaseHosts } from './databaseHosts.js';
import { roomOf } from './hostRoom.js';

const { config } = freshCluster('room');
const [name = ''] = Object.keys(config.databaseHosts);
const hosts = new DatabaseHosts(config, silentLog);
afterAll(() => hosts.close());

const deadline = (): Deadline => Deadline.after(10_000);
const run = (sql: string): Promise<unknown> => hosts.host(name).run(sql, [], deadline());

it('the used and the free bytes of a host come from its server', async () => {
  const room = () => hosts.host(name).room(deadline());
  const before = await room();
  await run(`CREATE DATABASE ${config.cluster}`);
  await run(`CREATE TABLE ${config.cluster}.filled (id INT PRIMARY KEY) SELECT 1 AS id`);
  expect((await room()).usedBytes).toBeGreaterThan(before.usedBytes);

  const [version] = await hosts.host(name).rows('SELECT VERSION()', [], deadline());
  // MySQL has nothing that could say it.
  if (!/mariadb/i.test(String(version![0]))) return expect(before.freeBytes).toBeUndefined();
  await run(`INSTALL SONAME 'disks'`);
  try {
    expect((await room()).freeBytes).toBeGreaterThan(1_000_000);
  } finally {
    await run(`UNINSTALL SONAME 'disks'`);
  }
  expect(await room()).toMatchObject({ freeBytes: undefined });
});

describe('free is', () => {
  it.each([
    [
      'what the capacity of the configuration leaves',
      10_000,
      1_000,
      400,
      'it holds 600 of 1000 (databaseHosts.db1.capacityBytes)',
    ],
    ['what the disk has', 400, undefined, 400, '400 are free on its disk'],
    ['what the disk has, where the configuration allows more', 400, 10_000, 400, '400 are free on its disk'],
    ['nothing past the capacity', undefined, 500, -100, 'it holds 600 of 500 (databaseHosts.db1.capacityBytes)'],
  ])('%s', (_what, disk, capacity, freeBytes, text) => {
    expect(roomOf('db1', 600, disk, capacity)).toEqual({ usedBytes: 600, freeBytes, text });
  });

  it('unknown where nobody can tell, with what to do about it', () => {
    expect(roomOf('db1', 600, undefined, undefined)).toMatchObject({
      freeBytes: undefined,
      text: expect.stringContaining('databaseHosts.db1.capacityBytes') as string,
    });
  });
});
