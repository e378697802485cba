import { setTimeout as sleep } from 'node:timers/promises';
import type { SlowProxy, Way } from '../../support/slowProxy.js';
import { again, type Fault, type FaultSetting } from './fault.js';

type Which = (setting: FaultSetting) => readonly SlowProxy[];

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

/** Each piece takes up to a second. */
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

/** Without the proxy of Redis, which a replicated journal has none of. */
const alone = (fault: Fault): Fault => ({ ...fault, journal: 'alone' });

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
  holdClients: hold(({ clientWays }) => clientWays),
  holdRedis: alone(hold(({ cluster }) => [cluster.proxies.redis])),
  holdDb2: hold(({ cluster }) => [cluster.proxies.database]),
  slowClients: slow(({ clientWays }) => clientWays),
  slowRedis: alone(slow(({ cluster }) => [cluster.proxies.redis])),
  slowDb2: slow(({ cluster }) => [cluster.proxies.database]),
  killCache: cache(1),
  flappingCache: cache(5),
};
