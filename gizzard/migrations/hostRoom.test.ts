import { afterAll, describe, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { freshCluster } from '../../test/support/index.js';
import { DatabaseHosts } from '../../mysql/index.js';
import { silentLog } from '../../process/index.js';
import { hostRoom, lackOfRoom } from './hostRoom.js';

const { config } = freshCluster('room');
const [name = ''] = Object.keys(config.databaseHosts);
const hosts = new DatabaseHosts(config, silentLog);
afterAll(() => hosts.close());

const run = (sql: string): Promise<unknown> => hosts.host(name).run(sql, [], Deadline.after(10_000));

it('what a host holds and has free is asked of its server', async () => {
  const before = await hostRoom(hosts.host(name));
  await run(`CREATE DATABASE ${config.cluster}`);
  await run(`CREATE TABLE ${config.cluster}.filled (id INT PRIMARY KEY) SELECT 1 AS id`);
  expect((await hostRoom(hosts.host(name))).usedBytes).toBeGreaterThan(before.usedBytes);

  const [version] = await hosts.host(name).rows('SELECT VERSION()', [], Deadline.after(10_000));
  // MySQL has nothing that could say it.
  if (!/mariadb/i.test(String(version![0]))) return expect(before.freeBytes).toBeUndefined();
  await run(`INSTALL SONAME 'disks'`);
  try {
    expect((await hostRoom(hosts.host(name))).freeBytes).toBeGreaterThan(1_000_000);
  } finally {
    await run(`UNINSTALL SONAME 'disks'`);
  }
  expect(await hostRoom(hosts.host(name))).toMatchObject({ freeBytes: undefined });
});

describe('there is no room', () => {
  it.each([
    [
      'past the capacity of the configuration',
      { usedBytes: 600, freeBytes: 10_000 },
      1_000,
      /401 bytes are to come, and it holds 600 of 1000 \(databaseHosts.db1.capacityBytes\)/,
    ],
    [
      'past what is free on the disk',
      { usedBytes: 600, freeBytes: 400 },
      undefined,
      /401 bytes are to come, and 400 are free on its disk/,
    ],
    [
      'past what is free, whatever the configuration says',
      { usedBytes: 600, freeBytes: 400 },
      10_000,
      /400 are free on its disk/,
    ],
  ])('%s', (_what, room, capacity, message) => {
    expect(lackOfRoom('db1', 401, room, capacity)).toMatch(message);
    expect(lackOfRoom('db1', 400, room, capacity)).toBeUndefined();
  });

  it('is never said where nobody can tell', () => {
    expect(lackOfRoom('db1', 1e15, { usedBytes: 600, freeBytes: undefined }, undefined)).toBeUndefined();
  });
});
