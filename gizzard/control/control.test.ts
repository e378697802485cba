import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { freshCluster } from '../../test/support/index.js';
import { DatabaseHosts } from '../../mysql/index.js';
import { silentLog, type Log, type RoostConfig } from '../../process/index.js';
import { Servers } from '../moving/servers.js';
import { NameServer } from '../nameServer/nameServer.js';
import { NameServerStore } from '../nameServer/nameServerStore.js';
import { Control } from './control.js';
import { ControlStore } from './controlStore.js';
import { ReplicasHealth } from './replicasHealth.js';

const { config } = freshCluster('control');
const [first, second] = Object.keys(config.databaseHosts) as [string, string];
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

const soon = (): Deadline => Deadline.after(10_000);

/** A port that nothing listens on. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

interface Process {
  readonly nameServer: NameServer;
  readonly control: Control;
  readonly health: ReplicasHealth;
  readonly logged: Record<string, unknown>[];
}

let clusters = 0;

/** The replicas a, b and c, as processes see them for which some are down. */
async function cluster(): Promise<(down?: readonly string[], order?: readonly string[]) => Promise<Process>> {
  const id = ++clusters;
  const alive: RoostConfig['databaseHosts'] = {
    a: config.databaseHosts[first]!,
    b: config.databaseHosts[second]!,
    c: config.databaseHosts[first]!,
  };
  const process = async (
    down: readonly string[] = [],
    order: readonly string[] = ['a', 'b', 'c'],
  ): Promise<Process> => {
    const port = await deadPort();
    const databaseHosts = Object.fromEntries(
      Object.entries(alive).map(([name, host]) => [
        name,
        down.includes(name) ? { host: '127.0.0.1', port, user: 'root', password: '' } : host,
      ]),
    );
    const hosts = new DatabaseHosts({ databaseHosts, pool: config.pool }, silentLog);
    const logged: Record<string, unknown>[] = [];
    const log = {
      ...silentLog,
      debug: () => undefined,
      info: () => undefined,
      error: () => undefined,
      warn: (fields: Record<string, unknown>) => void logged.push(fields),
    } as unknown as Log;
    const database = (name: string): string => `${config.cluster}_${id}${name}`;
    const nameServer = new NameServer(
      order.map((name) => new NameServerStore(hosts.host(name), database(name), config.nameServer)),
      log,
    );
    const control = new Control(
      order.map((name) => new ControlStore(hosts.host(name), database(name))),
      log,
    );
    open.push(async () => {
      await control.close();
      await nameServer.close();
      await hosts.close();
    });
    await nameServer.create();
    return { nameServer, control, health: new ReplicasHealth(nameServer, control), logged };
  };
  return process;
}

const set = (control: Control, policy: string): Promise<void> =>
  control.change(soon(), async (session, touch) => {
    // A host of two replicas holds two such tables: the control says which.
    await session.run(`UPDATE ${control.table('tweet_policy')} SET policy = ? WHERE id = 1`, [policy], soon());
    touch('tweet_policy', { id: 1 });
  });
const policyOn = async (store: ControlStore): Promise<string> =>
  String((await store.host.rows(`SELECT policy FROM ${store.table('tweet_policy')}`, [], soon()))[0]?.[0]);
const policies = ({ control }: Process): Promise<string[]> => Promise.all(control.stores.map(policyOn));
const heads = async ({ control }: Process): Promise<(number | undefined)[]> =>
  (await control.look()).map(({ head }) => head?.version);
const states = async ({ health }: Process): Promise<string[]> => (await health.examine()).map(({ state }) => state);

describe('the control tables', () => {
  it('stand on every replica once a change is acknowledged', async () => {
    const whole = await (await cluster())();
    await set(whole.control, 'one');
    expect(await policies(whole)).toEqual(['one', 'one', 'one']);
    expect(await heads(whole)).toEqual([1, 1, 1]);
    expect(await states(whole)).toEqual(['current', 'current', 'current']);
    // What touches nothing is no change.
    await whole.control.change(soon(), () => Promise.resolve());
    expect(await heads(whole)).toEqual([1, 1, 1]);
  });

  it('take no change without the primary, naming it and the way out, and none without a majority', async () => {
    const process = await cluster();
    await set((await process()).control, 'one');
    await expect(set((await process(['a'])).control, 'two')).rejects.toMatchObject({
      code: 'Unavailable',
      fields: { host: 'a' },
      message: expect.stringMatching(/^a, the primary .* `roost nameserver promote HOST`/) as unknown,
    });
    await expect(set((await process(['b', 'c'])).control, 'two')).rejects.toMatchObject({ code: 'Unavailable' });
    expect(await policies(await process())).toEqual(['one', 'one', 'one']);
  });

  it('are read from the newest replica that answers, also without the primary', async () => {
    const process = await cluster();
    await process();
    await set((await process(['c'])).control, 'one');
    const read = async (down: readonly string[]): Promise<string> => {
      const { control } = await process(down);
      const name = control.stores.map(({ host }) => host.name);
      return control.read((host) => policyOn(control.stores[name.indexOf(host.name)]!));
    };
    expect(await read(['a'])).toBe('one');
    expect(await read([])).toBe('one');
  });

  it('of a replica that missed changes are put right by the next change, or by whoever watches', async () => {
    const process = await cluster();
    const whole = await process();
    const partial = await process(['c']);
    await set(partial.control, 'one');
    expect(await states(whole)).toEqual(['current', 'current', 'behind']);
    await set(whole.control, 'two');
    expect(await policies(whole)).toEqual(['two', 'two', 'two']);
    await set(partial.control, 'three');
    whole.control.watch(20);
    await expect.poll(() => policies(whole), { timeout: 10_000 }).toEqual(['three', 'three', 'three']);
  });

  it('keep acknowledged changes when another replica is promoted, and report the changes that the old primary alone had', async () => {
    const process = await cluster();
    const whole = await process();
    await set(whole.control, 'acknowledged');
    // What a is left with when the others fail after it has stored changes.
    for (const policy of ['lost', 'lost too']) {
      await whole.control.host.transaction(soon(), (session) =>
        whole.control.stores[0]!.lead(
          session,
          async (touch) => {
            await session.run(`UPDATE ${whole.control.table('tweet_policy')} SET policy = ?`, [policy], soon());
            touch('tweet_policy', { id: 1 });
          },
          soon(),
        ),
      );
    }
    const after = await process(['a'], ['b', 'c', 'a']);
    await expect(set(after.control, 'kept')).rejects.toMatchObject({ code: 'Unavailable', fields: { host: 'a' } });
    expect(await after.nameServer.promote('b')).toBe(true);
    expect(await after.nameServer.promote('b')).toBe(false);
    await set(after.control, 'kept');
    expect(await policies({ ...after, control: new Control(after.control.stores.slice(0, 2), silentLog) })).toEqual([
      'kept',
      'kept',
    ]);
    // a is back, with two changes that nobody else has; a process that names it first holds no lease of its, and has b decide.
    const later = await process();
    expect(await later.control.leads()).toBe(false);
    expect(later.control.host.name).toBe('b');
    expect(await later.control.leads()).toBe(true);
    expect(await later.control.repair()).toEqual(['a']);
    expect(await policies(later)).toEqual(['kept', 'kept', 'kept']);
    expect(later.logged.find(({ lost }) => lost !== undefined)).toMatchObject({
      host: 'a',
      lost: ['2 (tweet_policy 1)', '3 (tweet_policy 1)'],
    });
  });

  it('take no change from a process that had not heard of a promotion between its look and its change', async () => {
    const process = await cluster();
    const old = await process(['b']);
    await set((await process()).control, 'one');
    const a = await old.control.prepare();
    // a is cut off while b is promoted.
    await (await process(['a'], ['b', 'c', 'a'])).nameServer.promote('b');
    const { step } = await a.host.transaction(soon(), (session) =>
      a.lead(session, async (touch) => touch('tweet_policy', { id: 1 }), soon()),
    );
    await expect(old.control.follow(step)).rejects.toMatchObject({ code: 'Unavailable' });
  });

  it('of an earlier release, which kept them on one replica, are copied to the others', async () => {
    const process = await cluster();
    const whole = await process();
    const [a, b] = whole.control.stores;
    await a!.host.run(
      `CREATE TABLE ${a!.table('tweet_policy')} (id TINYINT NOT NULL PRIMARY KEY, policy LONGTEXT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      [],
      soon(),
    );
    await a!.host.run(`INSERT INTO ${a!.table('tweet_policy')} (id, policy) VALUES (1, 'old')`, [], soon());
    await b!.ready(soon());
    expect(await whole.control.repair()).toEqual(['b', 'c']);
    expect(await policies(whole)).toEqual(['old', 'old', 'old']);
    // One that a later release adds is made beside those that are there.
    await b!.host.run(`DROP TABLE ${b!.table('moves')}`, [], soon());
    expect(await states(await process())).toEqual(['current', 'current', 'current']);
  });
});

describe('what replicas hold', () => {
  const shard = (tablePrefix: string) => ({ hostname: 'localhost', tablePrefix });
  async function withLinks(): Promise<Process> {
    const whole = await (await cluster())();
    const names = ['p', 'x', 'y', 'z'];
    await whole.nameServer.apply([
      ...names.map((name) => ({
        kind: 'createShard' as const,
        shard: { id: shard(name), type: 'replicating', attributes: {}, busy: 'normal' as const },
      })),
      ...names
        .slice(1)
        .map((name) => ({ kind: 'addLink' as const, link: { parent: shard('p'), child: shard(name), weight: 1 } })),
    ]);
    await set(whole.control, 'one');
    return whole;
  }
  const sql = (store: ControlStore, statement: string): Promise<unknown> =>
    store.host.run(statement.replace('#', store.table('meta').replace('.`meta`', '')), [], soon());

  it("is compared even after the same changes, and repaired to the majority's rows, on the primary too", async () => {
    const whole = await withLinks();
    const [a, b] = whole.control.stores;
    await sql(b!, 'DELETE FROM #.links');
    await sql(a!, "UPDATE #.tweet_policy SET policy = 'by hand'");
    expect((await whole.health.examine()).map(({ host, state, differences }) => [host, state, ...differences])).toEqual(
      [
        ['a', 'differs', 'tweet_policy: 1 missing, 1 that others lack'],
        ['b', 'differs', 'links: 3 missing'],
        ['c', 'current'],
      ],
    );
    const { version } = whole.nameServer.topology;
    expect(await whole.health.repair()).toEqual(['a', 'b']);
    expect(await states(whole)).toEqual(['current', 'current', 'current']);
    expect(await policies(whole)).toEqual(['one', 'one', 'one']);
    // Servers load anew what they may have read from it.
    expect(whole.nameServer.topology.version).toBe(version + 1);
    expect(whole.nameServer.topology.state.links).toHaveLength(3);
    expect(await whole.health.repair()).toEqual([]);
  });

  it('is left as it is when no majority agrees', async () => {
    const whole = await withLinks();
    const [a, b, c] = whole.control.stores;
    await sql(a!, "UPDATE #.tweet_policy SET policy = 'by hand'");
    await sql(b!, "UPDATE #.tweet_policy SET policy = 'by another hand'");
    await expect(whole.health.repair()).rejects.toMatchObject({
      code: 'FailedPrecondition',
      message: expect.stringContaining('--from HOST') as unknown,
    });
    expect(await whole.health.repair(c!.host.name)).toEqual(['a', 'b']);
    expect(await policies(whole)).toEqual(['one', 'one', 'one']);
    await expect(whole.health.repair('nowhere')).rejects.toMatchObject({ code: 'NotFound' });
  });
});

describe('servers', () => {
  it('are heard by every replica, so that none is missed while a majority answers', async () => {
    const process = await cluster();
    const { control } = await process(['a']);
    const server = new Servers(
      control,
      'server-1',
      () => Promise.resolve(7),
      () => Promise.resolve(),
      silentLog,
    );
    server.start(50);
    try {
      const looker = new Servers(
        (await process(['b'])).control,
        'looker',
        () => Promise.resolve(9),
        () => Promise.resolve(),
        silentLog,
      );
      await expect
        .poll(async () => (await looker.list()).map(({ id, version }) => `${id} ${version}`), { timeout: 10_000 })
        .toEqual(['server-1 7']);
      // A look that could miss some is none to wait by.
      const blind = new Servers(
        (await process(['a', 'b'])).control,
        'blind',
        () => Promise.resolve(9),
        () => Promise.resolve(),
        silentLog,
      );
      await expect(blind.allHold(7, new AbortController().signal)).rejects.toMatchObject({ code: 'Unavailable' });
      await looker.allHold(7, new AbortController().signal);
    } finally {
      await server.stop();
    }
    expect(
      await new Servers(
        control,
        'looker',
        () => Promise.resolve(9),
        () => Promise.resolve(),
        silentLog,
      ).list(),
    ).toEqual([]);
  });
});
