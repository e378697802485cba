import { containsCall, RawClient } from '../test/inMemory/rawClient.js';
import { frame, methodsOf, shapes, type Port } from '../test/hostile/frames.js';
import { limits } from '../core/index.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';

const ports: readonly Port[] = ['flock', 'manager', 'injector', 'tbird', 'users'];

/** The largest frames that each port takes, of every shape and for every method; and the longest that they hold up the server. */
export const hostile: Benchmark = {
  name: 'hostile',
  about: 'frames of the largest size that each port takes, made to be slow to read; the event loop beside them',
  async run({ ready }: BenchCluster): Promise<readonly Figure[]> {
    const delay = async (): Promise<number> => {
      const text = await (await fetch(`http://127.0.0.1:${ready.admin.port}/metrics`)).text();
      return Number(/roost_event_loop_delay_seconds\{quantile="1"\} (\S+)/.exec(text)![1]) * 1_000;
    };
    const figures: Figure[] = [];
    for (const shape of shapes) {
      let worst = 0;
      for (const port of ports) {
        const bytes = shape.args(limits[`${port}RequestBytes`] - 1_000);
        const [method] = methodsOf(port);
        for (const each of shape.skipped === true ? [method!] : methodsOf(port)) {
          await delay();
          const client = await RawClient.connect(ready[port].port);
          client.send(frame(each, bytes));
          await client.answer();
          await client.close();
          worst = Math.max(worst, await delay());
        }
      }
      figures.push({ name: `longest hold-up, ${shape.name}`, value: worst, unit: 'ms', target: { atMost: 50 } });
    }
    await delay();
    const client = await RawClient.connect(ready.flock.port);
    client.send(containsCall(true, 1));
    await client.answer();
    await client.close();
    figures.push({ name: 'longest hold-up, one small call', value: await delay(), unit: 'ms' });
    return figures;
  },
};
