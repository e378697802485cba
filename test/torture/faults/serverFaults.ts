import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KillableServer } from '../../support/killableServer.js';
import { roostMain } from '../../runRoost.js';
import type { TortureCluster } from '../cluster.js';
import { again, type Fault, retry } from './fault.js';

type Server = 'server0' | 'server1';

const serverOf = (cluster: TortureCluster, place: Server): KillableServer =>
  cluster.servers[place === 'server0' ? 0 : 1]!;

const pauseServer = (place: Server): Fault => ({
  places: [place],
  lastsMs: [1_000, 12_000],
  begin({ cluster }) {
    const server = serverOf(cluster, place);
    server.pause();
    return Promise.resolve(async () => Promise.resolve(server.resume()));
  },
});

const killServer = (place: Server): Fault => ({
  places: [place],
  lastsMs: [0, 3_000],
  async begin({ cluster }) {
    const server = serverOf(cluster, place);
    await server.kill();
    return () => retry(() => cluster.startServer(server));
  },
});

const serverPlaces = ['server0', 'server1'] as const;

/** All servers die, and are started again. */
const killServers: Fault = {
  places: serverPlaces,
  lastsMs: [0, 2_000],
  async begin({ cluster }) {
    await Promise.all(cluster.servers.map((server) => server.kill()));
    return async () =>
      void (await Promise.all(cluster.servers.map((server) => retry(() => cluster.startServer(server)))));
  },
};

/** A server finishes what it has started, and is away for a while. */
const stopServer = (place: Server): Fault => ({
  places: [place],
  lastsMs: [0, 3_000],
  async begin({ cluster }) {
    const server = serverOf(cluster, place);
    await server.kill('SIGTERM');
    return () => retry(() => cluster.startServer(server));
  },
});

const killed = ['db1', 'db2', 'db3', 'redis'] as const;

/** Servers, databases and the journal die at once, as when the power fails. */
const powerLoss: Fault = {
  places: [...serverPlaces, ...killed],
  journal: 'alone',
  lastsMs: [0, 1_500],
  async begin({ cluster }) {
    const { playground, servers } = cluster;
    await Promise.all([...servers.map((server) => server.kill()), ...killed.map((name) => playground.kill(name))]);
    return async () => {
      for (const name of killed) await (name === 'redis' ? cluster.restartRedis() : playground.restart(name));
      await Promise.all(servers.map((server) => retry(() => cluster.startServer(server))));
    };
  },
};

const faketime = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib']
  .map((folder) => join(folder, 'faketime/libfaketimeMT.so.1'))
  .find(existsSync);

const withClock = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  LD_PRELOAD: faketime,
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
  DONT_FAKE_MONOTONIC: '1',
  ...environment,
});

/** Restarts a server with a wrong wall clock, and at the end with the right one. */
const wrongClock = (place: Server, ahead: string): Fault => ({
  places: [place],
  lastsMs: [3_000, 6_000],
  async begin({ cluster }) {
    const server = serverOf(cluster, place);
    await server.kill();
    await retry(() => cluster.startServer(server, withClock({ FAKETIME: ahead })));
    return async () => {
      await server.kill('SIGTERM');
      await retry(() => cluster.startServer(server));
    };
  },
});

const offsets = ['+0s', '+0s', '+2s', '-2s', '+1h', '-1h', '+5d'];

/** Sets a server's wall clock forward and back while the server runs. */
const jumpingClock = (place: Server): Fault => ({
  places: [place],
  lastsMs: [4_000, 8_000],
  async begin({ cluster, random, note }) {
    const server = serverOf(cluster, place);
    const file = join(cluster.dir, `${place}.clock`);
    writeFileSync(file, '+0s');
    await server.kill();
    await retry(() =>
      cluster.startServer(
        server,
        withClock({ FAKETIME_TIMESTAMP_FILE: file, FAKETIME_CACHE_DURATION: '1', FAKETIME_NO_CACHE: '0' }),
      ),
    );
    const stop = again(async () => {
      const offset = offsets[random(offsets.length)]!;
      note(`${place}: clock ${offset}`);
      writeFileSync(file, offset);
      await sleep(500 + random(2_000));
    });
    return async () => {
      await stop();
      await server.kill('SIGTERM');
      await retry(() => cluster.startServer(server));
    };
  },
});

/** The command line of an earlier release that reads the same configuration. */
const earlierMain = process.env['ROOST_TEST_EARLIER'];

/** Replaces both servers, one after the other, with servers of an earlier release if there is one, and back. */
const rollServers: Fault = {
  places: serverPlaces,
  lastsMs: [0, 2_000],
  async begin({ cluster, random }) {
    const roll = async (main: string): Promise<void> => {
      for (const server of cluster.servers) {
        await server.kill('SIGTERM');
        server.main = main;
        await retry(() => cluster.startServer(server));
        await sleep(random(1_000));
      }
    };
    await roll(earlierMain ?? roostMain);
    return () => roll(roostMain);
  },
};

export const serverFaults: Readonly<Record<string, Fault>> = {
  pauseServer0: pauseServer('server0'),
  pauseServer1: pauseServer('server1'),
  killServer0: killServer('server0'),
  killServer1: killServer('server1'),
  stopServer0: stopServer('server0'),
  killServers,
  powerLoss,
  rollServers,
  ...(faketime === undefined
    ? {}
    : {
        ahead5d: wrongClock('server1', '+5d'),
        behind1h: wrongClock('server1', '-1h'),
        jumpingClock: jumpingClock('server1'),
      }),
};

/** The server faults that this machine cannot run, and the dependency that is missing. */
export const skippedServerFaults: readonly string[] =
  faketime === undefined ? ['ahead5d, behind1h, jumpingClock: libfaketime is not installed'] : [];
