import { afterEach, describe, expect, it } from 'vitest';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { Deadline } from '../../core/index.js';
import { freshCluster } from '../../test/support/index.js';
import { DatabaseHosts } from '../../mysql/index.js';
import { silentLog, type RoostConfig } from '../../process/index.js';
import type { Change } from '../topology/changes.js';
import type { ShardInfo } from '../topology/types.js';
import { NameServer } from './nameServer.js';
import { NameServerStore } from './nameServerStore.js';

const { config } = freshCluster('nameserver_replicas');
const [first, second] = Object.keys(config.databaseHosts) as [string, string];
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

const replicating = (name: string): ShardInfo => ({
  id: { hostname: 'localhost', tablePrefix: name },
  type: 'replicating',
  attributes: {},
  busy: 'normal',
});
const create = (name: string): Change => ({ kind: 'createShard', shard: replicating(name) });

/** A port that nothing listens on. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

let clusters = 0;

/** A name server with replicas a, b and c, as a process sees it for which some of them are down. */
function cluster(auditEntries = config.nameServer.auditEntries): {
  readonly nameServer: (down?: readonly string[], order?: readonly string[]) => Promise<NameServer>;
} {
  const id = ++clusters;
  const alive = { a: config.databaseHosts[first]!, b: config.databaseHosts[second]!, c: config.databaseHosts[first]! };
  return {
    nameServer: async (down = [], order = ['a', 'b', 'c']) => {
      const port = await deadPort();
      const databaseHosts: RoostConfig['databaseHosts'] = {};
      for (const [name, host] of Object.entries(alive))
        databaseHosts[name] = down.includes(name) ? { host: '127.0.0.1', port, user: 'root', password: '' } : host;
      const hosts = new DatabaseHosts({ databaseHosts, pool: config.pool }, silentLog);
      const stores = order.map(
        (name) =>
          new NameServerStore(hosts.host(name), `${config.cluster}_${id}${name}`, {
            ...config.nameServer,
            auditEntries,
          }),
      );
      const nameServer = new NameServer(stores, silentLog);
      open.push(async () => {
        await nameServer.close();
        await hosts.close();
      });
      await nameServer.create();
      return nameServer;
    },
  };
}

const undo = async (nameServer: NameServer, version: number) => nameServer.apply(await nameServer.inverseOf(version));
const heads = async (nameServer: NameServer) => (await nameServer.replicas.look()).map(({ head }) => head);
const shardNames = (nameServer: NameServer): string[] =>
  nameServer.topology.state.shards.map(({ id }) => id.tablePrefix).sort();

describe('replicas of the name server', () => {
  it('all hold a change, with the same head', async () => {
    const nameServer = await cluster().nameServer();
    await nameServer.apply([create('x_000')]);
    const [a, b, c] = await heads(nameServer);
    expect(a).toMatchObject({ version: 1 });
    expect(b).toEqual(a);
    expect(c).toEqual(a);
  });

  it('one that missed changes is repaired by the next change, with its audit', async () => {
    const { nameServer } = cluster();
    const whole = await nameServer();
    await whole.apply([create('x_000')]);
    const partial = await nameServer(['c']);
    await partial.apply([create('x_001')]);
    await partial.changeLogs([{ kind: 'createLog', log: { logId: '0'.repeat(32), name: 'log' } }]);
    const [a, , behind] = await heads(whole);
    expect([a!.version, behind!.version]).toEqual([3, 1]);
    await whole.apply([create('x_002')]);
    const [head, , repaired] = await heads(whole);
    expect(repaired).toEqual(head);
    // Only c, as a process that has nothing else.
    const alone = await nameServer(['a', 'b']);
    expect(shardNames(alone)).toEqual(['x_000', 'x_001', 'x_002']);
    expect((await alone.audit({ count: 10 })).map(({ version }) => version)).toEqual([4, 3, 2, 1]);
    expect(await alone.findLog('log')).toMatchObject({ name: 'log' });
  });

  it('one that missed changes is repaired by whoever watches, and by command', async () => {
    const { nameServer } = cluster();
    await (await nameServer(['b'])).apply([create('x_000')]);
    const whole = await nameServer();
    expect((await whole.replicas.look())[1]!.head).toMatchObject({ version: 0 });
    whole.watch(20);
    await expect.poll(async () => (await heads(whole))[1], { timeout: 10_000 }).toEqual((await heads(whole))[0]);
    await (await nameServer(['c'])).apply([create('x_001')]);
    const idle = await nameServer();
    expect(await idle.replicas.repair()).toEqual(['c']);
    expect(await idle.replicas.repair()).toEqual([]);
  });

  it('serves reads from any that answers', async () => {
    const { nameServer } = cluster();
    await (await nameServer()).apply([create('x_000')]);
    expect(shardNames(await nameServer(['a', 'b']))).toEqual(['x_000']);
  });

  it('takes no change without the primary, and none without a majority', async () => {
    const { nameServer } = cluster();
    const whole = await nameServer();
    await expect((await nameServer(['a'])).apply([create('x_000')])).rejects.toMatchObject({
      code: 'Unavailable',
      fields: { host: 'a' },
    });
    await expect((await nameServer(['b', 'c'])).apply([create('x_000')])).rejects.toMatchObject({
      code: 'Unavailable',
    });
    await whole.reload();
    expect(whole.topology.version).toBe(0);
  });

  it('finds what was acknowledged when another replica is made the first', async () => {
    const { nameServer } = cluster();
    await nameServer();
    // c has not seen this change; then a is lost, and c is named first.
    await (await nameServer(['c'])).apply([create('x_000')]);
    const after = await nameServer(['a'], ['c', 'b', 'a']);
    await expect(after.apply([create('x_001')])).rejects.toMatchObject({ code: 'Unavailable', fields: { host: 'a' } });
    await after.promote('c');
    await after.apply([create('x_001')]);
    expect(shardNames(after)).toEqual(['x_000', 'x_001']);
    // When a is back, it follows.
    const whole = await nameServer([], ['c', 'b', 'a']);
    expect(await whole.replicas.repair()).toEqual(['a']);
    const [c, , a] = await heads(whole);
    expect(a).toEqual(c);
  });

  it('replaces a change that never reached a majority', async () => {
    const { nameServer } = cluster();
    const whole = await nameServer();
    // What a is left with when the others fail just after it has stored a change.
    await whole.replicas.stores[0]!.lead(
      { changes: [create('lost_000')], logs: [] },
      { changeId: 'lost', by: 'test' },
      Deadline.after(5_000),
      (state) => ({
        ...state,
        version: state.version + 1,
        shards: [replicating('lost_000')],
      }),
    );
    await whole.reload();
    expect(shardNames(whole)).toEqual(['lost_000']);
    // a is lost, and b named first.
    const other = await nameServer(['a'], ['b', 'c', 'a']);
    await other.promote('b');
    await other.apply([create('kept_000')]);
    const later = await nameServer([], ['b', 'c', 'a']);
    expect(await later.replicas.repair()).toEqual(['a']);
    await whole.reload();
    expect(shardNames(whole)).toEqual(['kept_000']);
    expect((await whole.audit({ count: 9 })).map(({ changes }) => changes)).toEqual([[create('kept_000')], []]);
    // A process that named a first has b decide, also where it hears of it by its change.
    await whole.apply([create('y_000')]);
    expect(whole.replicas.primary.host).toBe('b');
    expect(await heads(whole)).toEqual(
      Array.from({ length: 3 }, () => expect.objectContaining({ version: whole.topology.version }) as unknown),
    );
  });

  it('has the old primary hand over where it answers, and decide on nothing after that', async () => {
    const { nameServer } = cluster();
    const [whole, other] = [await nameServer(), await nameServer()];
    await whole.apply([create('x_000')]);
    await other.promote('b');
    const [b, a, c] = await heads(other);
    expect([a, c]).toEqual([b, b]);
    expect(b!.version).toBe(2);
    const alone = whole.replicas.stores[0]!;
    const change = () =>
      alone.lead({ changes: [], logs: [] }, { changeId: 'late', by: 'test' }, Deadline.after(5_000), (state) => state);
    await expect(change()).rejects.toMatchObject({ code: 'FailedPrecondition', fields: { primary: 'b' } });
    await expect(alone.locked(Deadline.after(5_000), () => Promise.resolve())).rejects.toMatchObject({
      fields: { primary: 'b' },
    });
  });

  it('acknowledges no change of an old primary that had not heard of a promotion between its look and its change', async () => {
    const { nameServer } = cluster();
    const whole = await nameServer();
    const [a, b, c] = whole.replicas.stores;
    // a is cut off while b is promoted.
    await (await nameServer(['a'], ['b', 'c', 'a'])).promote('b');
    const stored = await a!.lead(
      { changes: [create('lost_000')], logs: [] },
      { changeId: 'lost', by: 'test' },
      Deadline.after(5_000),
      (state) => ({ ...state, version: state.version + 1, shards: [replicating('lost_000')] }),
    );
    for (const store of [b!, c!])
      await expect(store.follow(stored, Deadline.after(5_000))).rejects.toMatchObject({
        code: 'FailedPrecondition',
        fields: { primary: 'b' },
      });
  });

  it('undoes a change with the inverse that the audit holds', async () => {
    const nameServer = await cluster().nameServer();
    const link = { parent: replicating('p_000').id, child: replicating('c_000').id, weight: 3 };
    await nameServer.apply([create('p_000'), create('c_000'), { kind: 'addLink', link }], 'tester');
    await nameServer.apply([
      { kind: 'removeLink', parent: link.parent, child: link.child },
      { kind: 'deleteShard', id: link.child },
      { kind: 'pauseJobs', priority: 'low' },
    ]);
    const before = nameServer.topology;
    const [entry, firstEntry] = await nameServer.audit({ count: 5 });
    expect(firstEntry).toMatchObject({ by: 'tester', version: 1 });
    expect(entry!.changedAtMs).toBeGreaterThan(0);
    await undo(nameServer, 2);
    expect(shardNames(nameServer)).toEqual(['c_000', 'p_000']);
    expect(nameServer.topology.state).toMatchObject({ links: [link], pausedPriorities: [] });
    await undo(nameServer, 3);
    expect(nameServer.topology.state).toEqual({ ...before.state, version: 4 });
    await expect(undo(nameServer, 99)).rejects.toMatchObject({ code: 'NotFound' });
    // c_000 is gone already.
    await expect(undo(nameServer, 1)).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('forgets what is past its number of changes or its age, the same on each', async () => {
    const nameServer = await cluster(3).nameServer();
    const logId = 'cd'.repeat(16);
    await nameServer.changeLogs([
      { kind: 'createLog', log: { logId, name: 'kept' } },
      { kind: 'pushEntry', logId, entry: { entryId: 1, operation: 'op' } },
    ]);
    for (let i = 0; i < 4; i++) await nameServer.apply([create(`n_00${i}`)]);
    const kept = (): Promise<number[][]> =>
      Promise.all(
        nameServer.replicas.stores.map(async (store) =>
          (await store.audit(Number.MAX_SAFE_INTEGER, 10, Deadline.after(5_000))).map(({ version }) => version),
        ),
      );
    expect(await kept()).toEqual([
      [5, 4, 3],
      [5, 4, 3],
      [5, 4, 3],
    ]);
    await undo(nameServer, 4);
    await expect(undo(nameServer, 2)).rejects.toMatchObject({ code: 'NotFound' });

    const yearMs = 366 * 86_400_000;
    for (const [i, { host }] of nameServer.replicas.stores.entries()) {
      await host.run(
        `UPDATE \`${config.cluster}_${clusters}${'abc'[i]}\`.audit SET changed_at = changed_at - ? WHERE version < 6`,
        [yearMs],
        Deadline.after(5_000),
      );
    }
    await nameServer.apply([create('late')]);
    expect(await kept()).toEqual([
      [7, 6],
      [7, 6],
      [7, 6],
    ]);
    expect(await nameServer.logEntries(logId, 10)).toHaveLength(1);
  });

  it('keeps rollback logs as stacks', async () => {
    const nameServer = await cluster().nameServer();
    const logId = 'ab'.repeat(16);
    const entry = (entryId: number) => ({
      kind: 'pushEntry' as const,
      logId,
      entry: { entryId, operation: `op ${entryId}` },
    });
    await nameServer.changeLogs([{ kind: 'createLog', log: { logId, name: 'moving' } }, entry(1), entry(2)]);
    await nameServer.changeLogs([entry(2)]);
    expect(await nameServer.logEntries(logId, 10)).toEqual([
      { entryId: 2, operation: 'op 2' },
      { entryId: 1, operation: 'op 1' },
    ]);
    await expect(nameServer.changeLogs([{ kind: 'popEntry', logId, entryId: 1 }])).rejects.toMatchObject({
      code: 'FailedPrecondition',
    });
    await nameServer.changeLogs([{ kind: 'popEntry', logId, entryId: 2 }]);
    expect(await nameServer.logEntries(logId, 10)).toHaveLength(1);
    await expect(
      nameServer.changeLogs([{ kind: 'createLog', log: { logId: 'cd'.repeat(16), name: 'moving' } }]),
    ).rejects.toMatchObject({ code: 'AlreadyExists' });
    await expect(nameServer.changeLogs([{ kind: 'popEntry', logId: 'ff', entryId: 2 }])).rejects.toMatchObject({
      code: 'NotFound',
    });
    expect(await nameServer.findLog('other')).toBeUndefined();
  });
});
