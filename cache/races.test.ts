import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RoostError } from '../core/index.js';
import { Metrics } from '../process/index.js';
import { freshCluster } from '../test/support/index.js';
import { openCaches, RowCache, VectorCache, vectorOf, type Caches, type Vector, type VectorChange } from './index.js';
import { TestRows, testRowForm, type TestRow } from '../test/cache/rows.js';

// Several `Caches` stand for several processes: they share nothing but memcached and Redis.
const { config } = freshCluster('caches', { cache: { deadlineMs: 1_000 } });
const metrics = new Metrics();
let processes: Caches[] = [];
let nextId = 1n;
const freshId = (): bigint => nextId++;
const database = new TestRows();
let rows: RowCache<bigint, TestRow>[] = [];

beforeAll(async () => {
  processes = [await openCaches(config, { metrics }), await openCaches(config), await openCaches(config)];
  rows = processes.map(
    ({ main }) =>
      new RowCache(main, { name: 'rows', ...testRowForm, load: database.load, ttlSeconds: 100, absentTtlSeconds: 5 }),
  );
});
afterAll(() => Promise.all(processes.map((each) => each.close())));

const gate = (): { readonly passed: Promise<void>; readonly open: () => void } => {
  let open!: () => void;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
};

describe('a cold key', () => {
  it('is read once from the database, by 1,000 readers in three processes', async () => {
    const id = freshId();
    database.rows.set(id, { version: 1n, text: 'cold' });
    const before = database.readKeys;
    database.hold = () => sleep(20);
    const found = await Promise.all(Array.from({ length: 1_000 }, (_, i) => rows[i % 3]!.getOne(id)));
    database.hold = async () => undefined;
    expect(new Set(found.map((row) => row?.text))).toEqual(new Set(['cold']));
    expect(database.readKeys - before).toBe(1);
  });

  it('is read once when the row does not exist, and a write replaces the recorded absence', async () => {
    const id = freshId();
    const before = database.readKeys;
    expect(await rows[0]!.getOne(id)).toBeUndefined();
    expect(await rows[1]!.getOne(id)).toBeUndefined();
    expect(database.readKeys - before).toBe(1);
    await rows[2]!.through([id], () => database.write(id, { version: 1n, text: 'new' }));
    expect((await rows[0]!.getOne(id))?.text).toBe('new');
    expect(database.readKeys - before).toBe(1);
  });

  it('is loaded by the next reader when its loader fails', async () => {
    const id = freshId();
    database.rows.set(id, { version: 1n, text: 'there' });
    database.hold = () => Promise.reject(new Error('the database is away'));
    await expect(rows[0]!.getOne(id)).rejects.toThrow('the database is away');
    database.hold = async () => undefined;
    expect((await rows[1]!.getOne(id))?.text).toBe('there');
  });
});

describe('a write', () => {
  it('of a new row is in the cache for every process', async () => {
    const id = freshId();
    await rows[0]!.through([id], () => database.write(id, { version: 1n, text: 'written' }));
    const before = database.reads;
    expect((await rows[1]!.getOne(id))?.text).toBe('written');
    expect(database.reads).toBe(before);
  });

  it('is not undone by a reader that loaded the row before it', async () => {
    const id = freshId();
    database.rows.set(id, { version: 1n, text: 'old' });
    const { passed, open } = gate();
    database.hold = () => passed;
    const slow = rows[0]!.getOne(id);
    await sleep(50);
    database.hold = async () => undefined;
    await rows[1]!.through([id], () => database.write(id, { version: 2n, text: 'new' }));
    open();
    expect((await slow)?.text).toBe('old');
    for (const each of rows) expect((await each.getOne(id))?.text).toBe('new');
  });

  it('is not undone by an older one that comes to the cache later', async () => {
    const id = freshId();
    await rows[0]!.through([id], () => database.write(id, { version: 1n, text: 'first' }));
    const { passed, open } = gate();
    const slow = rows[1]!.through([id], async () => {
      const written = await database.write(id, { version: 2n, text: 'second' });
      await passed;
      return written;
    });
    await rows[2]!.through([id], () => database.write(id, { version: 3n, text: 'third' }));
    open();
    await slow;
    expect((await rows[0]!.getOne(id))?.text).toBe('third');
  });

  it('is not undone by an older one when the newer entry is gone from memcached', async () => {
    const id = freshId();
    const { passed, open } = gate();
    const slow = rows[1]!.through([id], async () => {
      const written = await database.write(id, { version: 2n, text: 'second' });
      await passed;
      return written;
    });
    await rows[2]!.through([id], () => database.write(id, { version: 3n, text: 'third' }));
    await rows[2]!.invalidate([id]);
    open();
    await slow;
    expect((await rows[0]!.getOne(id))?.text).toBe('third');
  });

  it('merges with the write of another replica, whichever reaches the cache last', async () => {
    // Two registers a row, as tweets have them: neither replica's row is newer than the other's.
    const union = processes.map(
      ({ main }) =>
        new RowCache<bigint, TestRow>(main, {
          ...testRowForm,
          name: 'registers',
          merge: (a, b) =>
            a.text.includes(b.text) ? a : { version: 0n, text: [...new Set([...a.text, ...b.text])].sort().join('') },
          load: async () => new Map(),
          ttlSeconds: 100,
          absentTtlSeconds: 5,
        }),
    );
    const id = freshId();
    const write = (text: string) => async () => new Map([[id, { version: 0n, text }]]);
    await union[0]!.through([id], write('a'));
    await union[1]!.through([id], write('b'));
    await union[2]!.through([id], write('a'));
    expect((await union[0]!.getOne(id))?.text).toBe('ab');
  });

  it('of all replicas at once, in one process, reaches the cache', async () => {
    for (let round = 0; round < 20; round++) {
      const id = freshId();
      const [first, second] = [gate(), gate()];
      const write = (held: Promise<void>) => async () => {
        await held;
        return database.write(id, { version: 1n, text: 'written' });
      };
      const work = [rows[0]!.through([id], write(first.passed)), rows[0]!.through([id], write(second.passed))];
      await sleep(5);
      (round % 2 === 0 ? first : second).open();
      await work[round % 2];
      (round % 2 === 0 ? second : first).open();
      await Promise.all(work);
      const before = database.reads;
      expect((await rows[1]!.getOne(id))?.text).toBe('written');
      expect(database.reads).toBe(before);
    }
  });

  it('leaves no reader waiting when it fails', async () => {
    const id = freshId();
    database.rows.set(id, { version: 1n, text: 'there' });
    await expect(rows[0]!.through([id], () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect((await rows[1]!.getOne(id))?.text).toBe('there');
  });
});

it('a write reaches the node that joins also where the one before cannot be reached', async () => {
  const cluster = `${config.cluster}j`;
  const [writing, reading] = [
    await openCaches({ ...config, cluster, memcached: config.memcached.slice(0, 1) }),
    await openCaches({ ...config, cluster }),
  ];
  const [writer, reader] = [writing, reading].map(
    ({ main }) =>
      new RowCache<bigint, TestRow>(main, {
        ...testRowForm,
        name: 'rows',
        load: database.load,
        ttlSeconds: 100,
        absentTtlSeconds: 5,
      }),
  ) as [RowCache<bigint, TestRow>, RowCache<bigint, TestRow>];
  try {
    const pool = reading.main!;
    const ids = Array.from({ length: 20 }, freshId).filter(
      (id) => pool.target(pool.placement!, 'rows', String(id))?.previous !== undefined,
    );
    expect(ids.length).toBeGreaterThan(0);
    for (const id of ids) database.rows.set(id, { version: 1n, text: 'old' });
    await reader.get(ids);
    const before = writing.main!.node(config.memcached[0]!);
    before.execute = () => Promise.reject(new RoostError('Unavailable', 'it cannot be reached from here'));
    await Promise.all(ids.map((id) => writer.through([id], () => database.write(id, { version: 2n, text: 'new' }))));
    expect(new Set(Array.from((await reader.get(ids)).values(), ({ text }) => text))).toEqual(new Set(['new']));
  } finally {
    await writing.close();
    await reading.close();
  }
});

describe('a vector', () => {
  const lists = new Map<bigint, bigint[]>();
  let loads = 0;
  let vectors: VectorCache<bigint>[] = [];
  beforeAll(() => {
    const load = async (keys: readonly bigint[]): Promise<Map<bigint, Vector>> => {
      loads += keys.length;
      return new Map(
        keys.map((key) => {
          const ids = [...(lists.get(key) ?? [])].sort((a, b) => Number(b - a));
          return [
            key,
            vectorOf(
              ids.slice(0, 200).map((id) => ({ id, position: id })),
              ids.length <= 200,
            ),
          ];
        }),
      );
    };
    vectors = processes.map(
      ({ main }) => new VectorCache(main, { name: 'lists', maxCount: 200, load, ttlSeconds: 100, absentTtlSeconds: 5 }),
    );
  });
  const ids = async (key: bigint, reader = 0): Promise<bigint[]> => [...(await vectors[reader]!.getOne(key))!.ids];
  const add = (key: bigint, id: bigint) => async (): Promise<Map<bigint, VectorChange>> => {
    lists.set(key, [...(lists.get(key) ?? []), id]);
    return new Map([[key, { added: [{ id, position: id }] }]]);
  };

  it('is not created by a change', async () => {
    const key = freshId();
    lists.set(key, [1n]);
    await vectors[0]!.through([key], add(key, 2n));
    expect(await ids(key)).toEqual([2n, 1n]);
  });

  it('takes changes without being read or loaded again, and is put together when there are many', async () => {
    const key = freshId();
    lists.set(key, [1n]);
    await ids(key);
    const before = loads;
    for (let id = 2n; id < 302n; id++) {
      await vectors[Number(id % 2n)]!.through([key], add(key, id));
      if (id % 50n === 0n) await ids(key);
    }
    const found = await ids(key, 1);
    expect(found.slice(0, 200)).toEqual(Array.from({ length: 200 }, (_, i) => 301n - BigInt(i)));
    expect(loads).toBe(before);
    const vector = (await vectors[2]!.getOne(key))!;
    expect(vector.complete && vector.ids.length < 301).toBe(false);
  });

  it('loses an id that is removed', async () => {
    const key = freshId();
    lists.set(key, [1n, 2n, 3n]);
    await ids(key);
    const before = loads;
    await vectors[0]!.through([key], async () => {
      lists.set(key, [1n, 3n]);
      return new Map([[key, { removed: [2n] }]]);
    });
    expect(await ids(key)).toEqual([3n, 1n]);
    expect(loads).toBe(before);
  });

  it('does not get an id back from an addition that is slower than its removal', async () => {
    const key = freshId();
    lists.set(key, [1n]);
    await ids(key);
    const { passed, open } = gate();
    const slow = vectors[1]!.through([key], async () => {
      const change = await add(key, 2n)();
      await passed;
      return change;
    });
    await sleep(20);
    await vectors[2]!.through([key], async () => {
      lists.set(key, [1n]);
      return new Map([[key, { removed: [2n] }]]);
    });
    open();
    await slow;
    expect(await ids(key)).toEqual([1n]);
  });

  it('does not lose a change to a reader that loaded the list before it', async () => {
    const key = freshId();
    lists.set(key, [1n]);
    const { passed, open } = gate();
    const slow = new VectorCache<bigint>(processes[2]!.main, {
      name: 'lists',
      maxCount: 200,
      load: async () => {
        await passed;
        return new Map([[key, vectorOf([{ id: 1n, position: 1n }], true)]]);
      },
      ttlSeconds: 100,
      absentTtlSeconds: 5,
    }).getOne(key);
    await sleep(50);
    await vectors[0]!.through([key], add(key, 2n));
    open();
    await slow;
    expect(await ids(key)).toEqual([2n, 1n]);
  });
});

it('counts hits, misses, waits for leases and bytes', async () => {
  const text = await metrics.registry.metrics();
  for (const name of ['hits', 'misses', 'lease_waits', 'read_bytes', 'written_bytes'])
    expect(text).toMatch(new RegExp(`roost_cache_${name}_total\\{cache="(rows|lists)"\\} [1-9]`));
});
