import { expect, it } from 'vitest';
import { Metrics } from '../../process/index.js';
import { SummedMetrics } from './mergeMetrics.js';
import type { MetricJson } from './messages.js';

const counted = async (calls: number, version: number): Promise<readonly MetricJson[]> => {
  const metrics = new Metrics();
  metrics.counter('calls_total', 'Calls', ['method']).inc({ method: 'count' }, calls);
  metrics.histogram('seconds', 'Seconds', [], [1]).observe(0.5);
  metrics.gauge('connections', 'Connections', [], undefined, 'sum').set(2);
  metrics.gauge('version', 'Version', [], undefined, 'min').set(version);
  metrics.gauge('delay', 'Delay').set(version);
  return await metrics.registry.getMetricsAsJSON();
};

it('adds what processes count, and keeps the counts of those that have ended', async () => {
  const summed = new SummedMetrics<object>();
  const [first, second] = [{}, {}];
  summed.heard(first, await counted(3, 7));
  summed.heard(second, await counted(4, 8));
  const lines = async (): Promise<string[]> =>
    (await summed.sum([]).metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(await lines()).toEqual(
    expect.arrayContaining([
      'calls_total{method="count"} 7',
      'seconds_count 2',
      'connections 4',
      'version 7',
      'delay 8',
    ]),
  );
  await summed.forget(first);
  summed.heard(second, await counted(5, 8));
  expect(await lines()).toEqual(
    expect.arrayContaining(['calls_total{method="count"} 8', 'seconds_count 2', 'connections 2', 'version 8']),
  );
});
