import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFlock, type Flock } from '../flock/index.js';
import { callRoost } from './callRoost.js';
import type { Finished } from './runRoost.js';
import { freshCluster } from './support/index.js';

const { config, configPath } = freshCluster('dropped_shards');
const [db1 = ''] = Object.keys(config.databaseHosts);
const roost = (...args: string[]): Promise<Finished> => callRoost([...args, '--config', configPath], '.');
async function answer<T>(...args: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await roost(...args, '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}
let flock: Flock;
beforeAll(async () => {
  flock = await openFlock(config, { create: true });
});
afterAll(() => flock.close());

describe('tables that the doctor dropped', { timeout: 30_000 }, () => {
  it('are listed by `shard dropped`, and `shard undrop` gives them and their name back', async () => {
    const shard = `${db1}/by_hand`;
    expect(await answer('shard', 'dropped')).toMatchObject({ dropped: [] });
    await roost('shard', 'create', 'flock', shard);
    await roost('shard', 'delete', shard, '--yes');
    await roost('doctor', '--fix', '--drop-tables', '--yes');
    const { dropped } = await answer<{
      dropped: { name: string; shard: string; type: string; why: string; droppedAt: string; keptUntil: string }[];
    }>('shard', 'dropped');
    expect(dropped).toMatchObject([{ shard, type: 'flock', why: expect.stringContaining('--drop-tables') as unknown }]);
    const keptMs = Date.parse(dropped[0]!.keptUntil) - Date.parse(dropped[0]!.droppedAt);
    expect(keptMs).toBe(config.moves.undropDays * 86_400_000);
    expect((await roost('shard', 'create', 'flock', shard)).exitCode).not.toBe(0);
    expect((await roost('shard', 'undrop', 'no_such_name')).stderr).toContain(
      'no dropped tables are called "no_such_name"',
    );

    expect(await answer('shard', 'undrop', dropped[0]!.name)).toMatchObject({ shard, type: 'flock' });
    expect(await answer('shard', 'dropped')).toMatchObject({ dropped: [] });
    expect((await roost('shard', 'undrop', dropped[0]!.name)).exitCode).not.toBe(0);
    expect(await answer('shard', 'create', 'flock', shard)).toMatchObject({ created: [shard] });

    await roost('shard', 'delete', shard, '--yes');
    await roost('doctor', '--fix', '--drop-tables', '--yes');
    const again = await answer<{ dropped: { name: string; bytes: number }[] }>('shard', 'dropped');
    const { name, bytes } = again.dropped[0]!;
    expect(bytes).toBeGreaterThan(0);
    expect((await roost('shard', 'purge', name)).stderr).toContain('needs --yes');
    expect((await roost('shard', 'purge', name, '--host', db1, '--yes')).stderr).toContain('and not both');
    expect(await answer('shard', 'purge', name, '--yes')).toEqual({ purged: [name] });
    expect(await answer('shard', 'dropped')).toMatchObject({ dropped: [] });
    expect(await answer('shard', 'purge', '--host', db1, '--yes')).toEqual({ purged: [] });
  });
});

describe('a host', { timeout: 30_000 }, () => {
  it.each([
    ['1000001', 'the read weight of host'],
    ['1e300', 'It must be a number of 0 or more'],
    ['-1', 'It must be a number of 0 or more'],
  ])('takes no weight of %s', async (weight, message) => {
    const { exitCode, stderr } = await roost('host', 'weight', db1, `--read=${weight}`, '--yes');
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(message);
    expect(await answer('host', 'list')).toMatchObject({
      hosts: expect.arrayContaining([expect.objectContaining({ host: db1, read: 1 })]) as unknown,
    });
  });

  it('that is called like a property of every object is unknown', async () => {
    for (const name of ['constructor', 'toString', '__proto__']) {
      expect((await roost('host', 'weight', name, '--read=1', '--yes')).stderr).toContain(
        `no shard lives on host ${name}`,
      );
      const { exitCode, stderr } = await roost('shard', 'create', 'flock', `${name}/by_hand`);
      expect({
        exitCode: exitCode === 0 ? 0 : 1,
        named: stderr.includes(name),
        crashed: stderr.includes('TypeError'),
      }).toEqual({ exitCode: 1, named: true, crashed: false });
    }
  });
});
