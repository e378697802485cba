import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SlowProxy, Way } from '../../support/slowProxy.js';
import { again, type Fault, type FaultSetting } from './fault.js';

type Which = (setting: FaultSetting) => readonly SlowProxy[];

/** Resets connections, again and again. */
const cut = (which: Which): Fault => ({
  places: ['network'],
  lastsMs: [1_000, 5_000],
  begin(setting) {
    return Promise.resolve(
      again(async () => {
        for (const proxy of which(setting)) proxy.cut();
        await sleep(setting.random(700));
      }),
    );
  },
});

const on = (which: Which, lastsMs: readonly [number, number], act: (proxy: SlowProxy, way: Way) => void): Fault => ({
  places: ['network'],
  lastsMs,
  begin(setting) {
    const way = setting.random(2) === 0 ? 'toServer' : 'toClient';
    setting.note(way);
    for (const proxy of which(setting)) act(proxy, way);
    return Promise.resolve(() => {
      for (const proxy of which(setting)) proxy.release(way);
      return Promise.resolve();
    });
  },
});

const hold = (which: Which): Fault => on(which, [1_000, 7_000], (proxy, way) => proxy.hold(way));

/** Delays each piece by up to a second. */
const slow = (which: Which): Fault => ({
  places: ['network'],
  lastsMs: [2_000, 7_000],
  begin(setting) {
    const stop = again(async () => {
      for (const proxy of which(setting))
        for (const way of ['toServer', 'toClient'] as const) proxy.slow(way, setting.random(10) ** 3);
      await sleep(200);
    });
    return Promise.resolve(async () => {
      await stop();
      for (const proxy of which(setting)) for (const way of ['toServer', 'toClient'] as const) proxy.release(way);
    });
  },
});

/** On the way to the journal's Redis: a replicated journal has no proxy. */
const toRedis = (fault: (which: Which) => Fault): Fault => ({
  ...fault(({ cluster }) => [cluster.proxies.redis]),
  places: ['network', 'redis'],
  journal: 'alone',
});

const toDatabase = (fault: (which: Which) => Fault): Fault => ({
  ...fault(({ cluster }) => [cluster.proxies.database]),
  places: ['network', 'db2'],
});

const ofClients = (fault: (which: Which) => Fault): Fault => fault(({ clientWays }) => clientWays);

const emptyCaches: Fault = {
  places: ['cache'],
  lastsMs: [1_000, 5_000],
  begin({ cluster, random }) {
    return Promise.resolve(
      again(async () => {
        for (const { host, port } of cluster.playground.memcached) {
          const socket = connect({ host, port });
          socket.on('error', () => undefined);
          socket.end('flush_all\r\n');
        }
        await sleep(random(1_500));
      }),
    );
  },
};

const cache = (turns: number): Fault => ({
  places: ['cache'],
  lastsMs: [0, 1_000],
  async begin({ cluster: { playground }, random }) {
    for (let turn = 1; ; turn++) {
      const name = `cache${1 + random(2)}`;
      const how = random(2) === 0 ? 'kill' : 'pause';
      await playground[how](name);
      await sleep(random(4_000 / turns));
      const back = (): Promise<void> => (how === 'kill' ? playground.restart(name) : playground.resume(name));
      if (turn === turns) return back;
      await back();
      await sleep(random(500));
    }
  },
});

export const networkFaults: Readonly<Record<string, Fault>> = {
  holdClients: ofClients(hold),
  holdRedis: toRedis(hold),
  holdDb2: toDatabase(hold),
  slowClients: ofClients(slow),
  slowRedis: toRedis(slow),
  slowDb2: toDatabase(slow),
  cutClients: ofClients(cut),
  cutRedis: toRedis(cut),
  cutDb2: toDatabase(cut),
  killCache: cache(1),
  flappingCache: cache(5),
  emptyCaches,
};
