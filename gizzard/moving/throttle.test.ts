import { afterAll, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { freshCluster } from '../../test/support/index.js';
import { DatabaseHosts } from '../../mysql/index.js';
import { Metrics, silentLog } from '../../process/index.js';
import { Throttle } from './throttle.js';

const { config } = freshCluster('throttle');
const hosts = new DatabaseHosts(config, silentLog, new Metrics());
const [host] = Object.keys(config.databaseHosts).map((name) => hosts.host(name));
const open = new AbortController();
afterAll(() => hosts.close());

it('makes pages small while a host is busy', async () => {
  const throttle = new Throttle([host!], open.signal);
  let asked = 0;
  let stopped = false;
  const others = Array.from({ length: 4 }, async () => {
    for (; !stopped; asked++) await host!.rows('SELECT 1', [], Deadline.after(10_000));
  });
  await throttle.pause(2_000, 10, { minRowsPerSecond: 500, maxRowsPerSecond: 1_000_000 });
  stopped = true;
  await Promise.all(others);
  expect(asked).toBeGreaterThan(100);
  expect(throttle.pageRows).toBe(500);
});

it('never rests so long that a move falls below its floor', async () => {
  const throttle = new Throttle([host!], open.signal);
  let stopped = false;
  const others = (async () => {
    while (!stopped) await host!.rows('SELECT 1', [], Deadline.after(10_000));
  })();
  // Three times an hour would not end within this test.
  await throttle.pause(2_000, 3_600_000, { minRowsPerSecond: 1_000_000, maxRowsPerSecond: 1_000_000 });
  stopped = true;
  await others;
  expect(throttle.pageRows).toBe(500);
});
