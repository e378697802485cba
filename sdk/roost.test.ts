import { afterAll, beforeAll, expect, it } from 'vitest';
import { Metrics, silentLog } from '../core/index.js';
import { flockProcessor, ThriftServer } from '../rpc/index.js';
import { TestFlock } from '../test/inMemory/testFlock.js';
import { connect, type Roost } from './index.js';

let flock: TestFlock;
let server: ThriftServer;
let roost: Roost;

beforeAll(async () => {
  flock = new TestFlock();
  server = await ThriftServer.listen({ host: '127.0.0.1', port: 0, processor: flockProcessor(flock, { metrics: new Metrics(), log: silentLog }), metrics: new Metrics(), log: silentLog });
  roost = await connect(`127.0.0.1:${server.port}`);
});

afterAll(async () => {
  await roost?.close();
  await server?.close();
});

it('works', async () => {
  const follows = await roost.graph('follows');
  await follows.add(1n, 2n);
  expect(await follows.contains(1, '2')).toBe(true);
  expect(await follows.get(1n, 2n)).toMatchObject({ sourceId: 1n, state: 'normal' });
});
