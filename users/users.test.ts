import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import type { MoveTask, ShardInfo } from '../gizzard/index.js';
import { freshCluster } from '../test/support/index.js';
import { openUsers, userFlags, usersTableId, type OpenUsers, type User } from './index.js';
import { mergeUsers, writeOf, type UserRecord } from './user.js';
import { decodeUsers, encodeUser } from './userBytes.js';

const register = <T>(value: fc.Arbitrary<T>) => fc.record({ value, at: fc.bigInt(0n, 5n) });
const record = fc.record({
  id: fc.bigInt(0n, 2n ** 63n - 1n),
  name: register(fc.string({ unit: 'grapheme', maxLength: 12 })),
  screenName: register(fc.stringMatching(/^[A-Za-z0-9_]{0,20}$/)),
  flags: register(fc.integer({ min: 0, max: 0xffffffff })),
  exists: register(fc.boolean()),
});

describe('the bytes of users', () => {
  it('decode to the users that were encoded', () => {
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 5 }),
        (users) => void expect(decodeUsers(Buffer.concat(users.map(encodeUser)))).toEqual(users),
      ),
    );
  });

  it('are refused when they are cut off', () => {
    const bytes = encodeUser(writeOf({ id: 1n, name: 'a', screenName: 'b', flags: 0, exists: true }, 1n));
    for (let length = 1; length < bytes.length; length++)
      expect(() => decodeUsers(bytes.subarray(0, length))).toThrow('truncated');
  });
});

it('merges writes to the same user in any order, however often each comes', () => {
  const same = fc
    .array(record, { minLength: 1, maxLength: 6 })
    .map((users) => users.map((user): UserRecord => ({ ...user, id: 1n })));
  fc.assert(
    fc.property(same, (users) => {
      const merged = users.reduce(mergeUsers);
      expect(users.toReversed().reduce(mergeUsers)).toEqual(merged);
      for (const user of users) expect(mergeUsers(merged, user)).toBe(merged);
    }),
  );
});

describe.each([
  ['with caches', {}],
  ['without caches', { memcached: [] }],
])('users %s', (what, overrides) => {
  const { config } = freshCluster(`users${what === 'with caches' ? 1 : 0}`, {
    ...overrides,
    cache: { deadlineMs: 500 },
  });
  let server: OpenUsers;
  let elsewhere: OpenUsers;
  const jack: User = { id: 12n, name: 'Jack 🐦', screenName: 'jack', flags: userFlags.verified };
  const wait = { acknowledgment: 'materialized' as const };

  beforeAll(async () => {
    server = await openUsers(config, { work: true, create: true });
    await expect(server.get([1n])).rejects.toMatchObject({ code: 'FailedPrecondition' });
    await server.setup({ shards: 3, replicas: 2 });
    elsewhere = await openUsers(config);
  });
  afterAll(async () => {
    await server.close();
    await elsewhere.close();
  });

  it('are read by every process once written', async () => {
    expect(await elsewhere.get([12n])).toEqual([undefined]);
    await server.put([jack], wait);
    expect(await elsewhere.get([12n, 13n])).toEqual([jack, undefined]);
    await elsewhere.put([{ ...jack, name: 'J' }], wait);
    expect(await server.get([12n])).toEqual([{ ...jack, name: 'J' }]);
  });

  it('are gone once removed, and an older write does not bring them back', async () => {
    const time = 1_000_000n;
    await server.put([{ ...jack, id: 20n }], { ...wait, time });
    await elsewhere.remove([20n], { ...wait, time: time + 2n });
    await server.put([{ ...jack, id: 20n }], { ...wait, time: time + 1n });
    expect(await server.get([20n])).toEqual([undefined]);
    await server.put([{ ...jack, id: 20n }], { ...wait, time: time + 3n });
    expect(await elsewhere.get([20n])).toEqual([{ ...jack, id: 20n }]);
  });

  it('keep a rename and a change of flags that were made at the same time, in either order', async () => {
    const [name, flags] = [
      { id: 30n, name: 'Renamed' },
      { id: 30n, flags: userFlags.protected },
    ];
    await server.change([name], { ...wait, time: 7n });
    expect(await elsewhere.get([30n])).toEqual([undefined]);
    await server.put([{ ...jack, id: 30n }], { ...wait, time: 6n });
    expect(await elsewhere.get([30n])).toEqual([{ ...jack, id: 30n, name: 'Renamed' }]);
    await elsewhere.change([flags], { ...wait, time: 7n });
    expect(await server.get([30n])).toEqual([{ ...jack, ...name, ...flags }]);
    await server.change([{ id: 30n, name: 'older' }], { ...wait, time: 5n });
    expect(await elsewhere.get([30n])).toEqual([{ ...jack, ...name, ...flags }]);
  });

  it('are read many at once, in the order asked for, from all shards and both replicas', async () => {
    const many = Array.from({ length: 300 }, (_, i): User => ({
      id: BigInt(1_000 + i),
      name: `n${i}`,
      screenName: `s${i}`,
      flags: i,
    }));
    await server.put(many, wait);
    expect(await elsewhere.get(many.map(({ id }) => id).reverse())).toEqual(many.toReversed());
    const routes = new Set(many.map(({ id }) => server.gizzard.topology.route(usersTableId, id)));
    expect(routes.size).toBe(3);
    expect([...(await server.rows.options.load([1_000n], Deadline.after(5_000))).values()]).toMatchObject([
      { screenName: { value: 's0' } },
    ]);
  });

  it.each([
    [{ ...jack, name: '' }, 'a name has 1 to 50 characters'],
    [{ ...jack, name: 'x'.repeat(51) }, 'a name has 1 to 50 characters'],
    [{ ...jack, screenName: 'a b' }, 'a screen name has 1 to 20'],
    [{ ...jack, flags: -1 }, 'flags are'],
    [{ ...jack, id: -1n }, 'ids are'],
  ])('are refused when invalid: %o', async (user, message) => {
    await expect(server.put([user])).rejects.toThrow(message);
  });

  it('are copied to another shard, compared, and repaired with the later of two writes', async () => {
    const { moves, topology, mysql } = server.gizzard;
    const [source, replica] = topology.route(usersTableId, 12n).leaves.map((leaf) => leaf.shard) as [
      ShardInfo,
      ShardInfo,
    ];
    const target: ShardInfo = { ...source, id: { ...source.id, tablePrefix: 'copied' } };
    const done = async (kind: 'copy' | 'repair' | 'diff', ...shards: readonly ShardInfo[]): Promise<MoveTask> =>
      moves.finished(
        await moves.request(
          kind,
          shards.map(({ id }) => id),
        ),
        new AbortController().signal,
      );
    await server.gizzard.apply([{ kind: 'createShard', shard: target }]);
    expect((await done('copy', source, target)).rowsDone).toBeGreaterThan(50);
    expect(await done('diff', source, replica, target)).toMatchObject({ differenceCount: 0 });

    const table = `\`${config.cluster}\`.\`copied_users\``;
    const host = mysql.host(target.id.hostname);
    await host.run(
      `UPDATE ${table} SET name = 'Old', name_at = 1, flags = 7, flags_at = flags_at + 1 WHERE id = 12`,
      [],
      Deadline.after(5_000),
    );
    await host.run(`DELETE FROM ${table} WHERE id > 12 LIMIT 1`, [], Deadline.after(5_000));
    expect((await done('diff', source, target)).differenceCount).toBe(2);
    // What is cached now, a repair makes old.
    expect(await elsewhere.get([12n])).toMatchObject([{ name: 'J', flags: jack.flags }]);
    await done('repair', source, target, replica);
    expect(await done('diff', source, target, replica)).toMatchObject({ differenceCount: 0 });
    expect(await elsewhere.get([12n])).toMatchObject([{ name: 'J', flags: 7 }]);
  });

  it('refuse a second setup with AlreadyExists', async () => {
    await expect(server.setup({ shards: 1, replicas: 1 })).rejects.toMatchObject({ code: 'AlreadyExists' });
  });
});
