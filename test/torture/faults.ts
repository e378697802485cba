import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Topology, shardKey } from '../../gizzard/index.js';
import type { SlowProxy } from '../support/slowProxy.js';
import { faketime, type TortureCluster } from './cluster.js';

export interface FaultSetting {
  readonly cluster: TortureCluster;
  readonly random: (below: number) => number;
  readonly clientWays: readonly SlowProxy[];
  /** Accepted writes may be lost that were answered before now, and none is to be accepted from now on until the journal is adopted. */
  readonly lost: (sinceMs: number) => void;
  readonly note: (text: string) => void;
}

export interface Fault {
  /** What it befalls: faults of one place do not run at once. */
  readonly place: 'server0' | 'server1' | 'db1' | 'db2' | 'db3' | 'redis' | 'cache' | 'network' | 'topology';
  /** Brings it about, and returns what ends it. */
  readonly begin: (setting: FaultSetting) => Promise<() => Promise<void>>;
  readonly lastsMs: readonly [least: number, most: number];
}

const pauseServer = (place: 'server0' | 'server1'): Fault => ({
  place,
  lastsMs: [2_000, 18_000],
  begin({ cluster }) {
    const server = cluster.servers[place === 'server0' ? 0 : 1]!;
    server.pause();
    return Promise.resolve(async () => Promise.resolve(server.resume()));
  },
});

const killServer = (place: 'server0' | 'server1', environment: NodeJS.ProcessEnv = {}): Fault => ({
  place,
  lastsMs: [0, 4_000],
  async begin({ cluster }) {
    const server = cluster.servers[place === 'server0' ? 0 : 1]!;
    await server.kill();
    return () => retry(() => cluster.startServer(server, environment));
  },
});

/** Restarts it with a wall clock that is wrong, and in the end with the right one. */
const wrongClock = (place: 'server0' | 'server1', ahead: string): Fault => ({
  place,
  lastsMs: [6_000, 9_000],
  async begin({ cluster }) {
    const server = cluster.servers[place === 'server0' ? 0 : 1]!;
    await server.kill();
    await retry(() =>
      cluster.startServer(server, {
        LD_PRELOAD: faketime,
        FAKETIME: ahead,
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1',
      }),
    );
    return async () => {
      await server.kill('SIGTERM');
      await retry(() => cluster.startServer(server));
    };
  },
});

const playgroundServer = (
  place: 'db1' | 'db2' | 'db3' | 'redis',
  how: 'kill' | 'pause',
  lastsMs: readonly [number, number],
): Fault => ({
  place,
  lastsMs,
  async begin({ cluster: { playground } }) {
    await playground[how](place);
    return () => (how === 'kill' ? playground.restart(place) : playground.resume(place));
  },
});

const killCache: Fault = {
  place: 'cache',
  lastsMs: [500, 4_000],
  async begin({ cluster: { playground }, random }) {
    const name = `cache${1 + random(2)}`;
    const how = random(2) === 0 ? 'kill' : 'pause';
    await playground[how](name);
    return () => (how === 'kill' ? playground.restart(name) : playground.resume(name));
  },
};

const hold = (place: Fault['place'], which: (setting: FaultSetting) => readonly SlowProxy[]): Fault => ({
  place,
  lastsMs: [1_000, 8_000],
  begin(setting) {
    const way = setting.random(2) === 0 ? 'toServer' : 'toClient';
    setting.note(`held ${way}`);
    for (const proxy of which(setting)) proxy.hold(way);
    return Promise.resolve(() => {
      for (const proxy of which(setting)) proxy.release(way);
      return Promise.resolve();
    });
  },
});

const endConnectionsOf = async (root: Awaited<ReturnType<TortureCluster['asRoot']>>): Promise<void> => {
  const [rows] = await root.query({
    sql: "SELECT id FROM information_schema.processlist WHERE user = 'roost'",
    rowsAsArray: true,
  });
  for (const [id] of rows as number[][]) await root.query(`KILL ${id}`).catch(() => undefined);
};

const rotatePassword = (place: 'db1' | 'db2' | 'db3'): Fault => ({
  place,
  lastsMs: [1_000, 6_000],
  async begin({ cluster }) {
    const root = await cluster.asRoot(place);
    await root.query("ALTER USER roost@'127.0.0.1' IDENTIFIED BY 'second'");
    await endConnectionsOf(root);
    return async () => {
      await root.query("ALTER USER roost@'127.0.0.1' IDENTIFIED BY 'first'");
      await root.end();
    };
  },
});

const readOnly = (place: 'db1' | 'db2' | 'db3'): Fault => ({
  place,
  lastsMs: [1_000, 6_000],
  async begin({ cluster }) {
    const root = await cluster.asRoot(place);
    await root.query('SET GLOBAL read_only = 1');
    return async () => {
      await root.query('SET GLOBAL read_only = 0');
      await root.end();
    };
  },
});

const flushAll: Fault = {
  place: 'redis',
  lastsMs: [2_000, 5_000],
  async begin({ cluster, lost }) {
    await cluster.redis.flushall();
    lost(performance.now());
    return () => Promise.resolve();
  },
};

const replica: Fault = {
  place: 'redis',
  lastsMs: [500, 6_000],
  async begin({ cluster }) {
    await cluster.redis.call('REPLICAOF', '127.0.0.1', '1');
    return async () => void (await cluster.redis.call('REPLICAOF', 'NO', 'ONE'));
  },
};

/** Redis comes back with what its append-only file held some time before. */
const laggingFile: Fault = {
  place: 'redis',
  lastsMs: [500, 2_000],
  async begin({ cluster, random, lost }) {
    const [file, copy] = [join(cluster.redisFolder, 'appendonlydir'), join(cluster.redisFolder, 'copy')];
    cpSync(file, copy, { recursive: true });
    await sleep(1_500 + random(3_000));
    await cluster.playground.kill('redis');
    lost(performance.now());
    rmSync(file, { recursive: true });
    cpSync(copy, file, { recursive: true });
    rmSync(copy, { recursive: true });
    return () => cluster.playground.restart('redis');
  },
};

/** `roost move` and `roost split`, beside whatever else happens. */
const migrate: Fault = {
  place: 'topology',
  lastsMs: [0, 0],
  async begin({ cluster, random, note }) {
    const { tools, config } = cluster;
    await tools.flock.gizzard.nameServer.reload();
    const topology: Topology = tools.flock.gizzard.topology;
    const graph = tools.flock.graphs().find(({ name }) => name === 'follows')!.id;
    const tableId = random(2) === 0 ? graph : -graph;
    const routes = topology.routes(tableId);
    const route = routes[random(routes.length)]!;
    const planner = await tools.flock.gizzard.migrations.planner();
    const bases = [...planner.roots(tableId).keys()];
    const used = new Set(route.leaves.map(({ shard }) => shard.id.hostname));
    const fresh = Object.keys(config.databaseHosts).find((host) => !used.has(host));
    const leaf = route.leaves[random(route.leaves.length)]!;
    const args =
      fresh === undefined || (random(3) === 0 && routes.length < 3)
        ? ['split', String(tableId), String(bases[random(bases.length)])]
        : ['move', shardKey(leaf.shard.id), fresh];
    note(args.join(' '));
    const asked = cluster.roost(...args, '--wait', '--cleanup', '--yes');
    return async () => {
      const { exitCode, stderr } = await asked;
      if (exitCode !== 0) note(`${args.join(' ')} failed: ${stderr.slice(0, 600)}`);
    };
  },
};

export const faults: Readonly<Record<string, Fault>> = {
  pauseServer0: pauseServer('server0'),
  pauseServer1: pauseServer('server1'),
  killServer0: killServer('server0'),
  killServer1: killServer('server1'),
  killDb1: playgroundServer('db1', 'kill', [500, 5_000]),
  killDb2: playgroundServer('db2', 'kill', [500, 5_000]),
  killDb3: playgroundServer('db3', 'kill', [500, 5_000]),
  pauseDb1: playgroundServer('db1', 'pause', [1_000, 12_000]),
  pauseDb2: playgroundServer('db2', 'pause', [1_000, 12_000]),
  killRedis: playgroundServer('redis', 'kill', [0, 3_000]),
  pauseRedis: playgroundServer('redis', 'pause', [1_000, 8_000]),
  killCache,
  holdClients: hold('network', ({ clientWays }) => clientWays),
  holdRedis: hold('network', ({ cluster }) => [cluster.proxies.redis]),
  holdDb2: hold('network', ({ cluster }) => [cluster.proxies.database]),
  rotateDb1: rotatePassword('db1'),
  rotateDb2: rotatePassword('db2'),
  readOnlyDb2: readOnly('db2'),
  readOnlyDb3: readOnly('db3'),
  flushAll,
  replica,
  laggingFile,
  ...(faketime === undefined ? {} : { ahead5d: wrongClock('server1', '+5d'), behind1h: wrongClock('server1', '-1h') }),
  migrate,
};

/** A server does not start while what it needs is away. */
async function retry(start: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start();
    } catch (error) {
      if (attempt === 20) throw error;
      await sleep(500);
    }
  }
}
