import { Redis } from 'ioredis';
import { afterAll, expect, it } from 'vitest';
import { freshCluster } from '../../test/support/index.js';
import { RingRegister } from './ringRegister.js';

const { config } = freshCluster('register');
const redis = new Redis(config.redis.port, config.redis.host);
afterAll(() => redis.quit());

it('never gives a node the same epoch twice, though Redis lost the register and its clock was set back', async () => {
  const key = `${config.cluster}:cache:lost`;
  const register = new RingRegister(redis, key);
  const seen = new Set<string>();
  const versions = new Set<string>();
  for (let round = 0; round < 3; round++) {
    await redis.del(key);
    // As if changed last at this moment of a clock that was ahead: the next change has the same time in each round.
    await redis.hset(key, '@changed', '9000000000000000');
    expect(await register.change('10.0.0.1:11211', undefined, { state: 'in', weight: 1 })).toBe(true);
    const { nodes, version } = await register.look();
    seen.add(nodes.get('10.0.0.1:11211')!.epoch);
    versions.add(version);
  }
  expect([seen.size, versions.size]).toEqual([3, 3]);
});

it('does not count a change as in the future once the clock of Redis was set back', async () => {
  const key = `${config.cluster}:cache:back`;
  const register = new RingRegister(redis, key);
  await redis.hset(key, '@changed', '9000000000000000');
  expect((await register.look()).unchangedForMs).toBeGreaterThanOrEqual(0);
  await redis.hset(key, '@changed', '9000000000000001');
  expect((await register.look()).unchangedForMs).toBeGreaterThanOrEqual(0);
});

it('does not take a change that it has just seen for an old one once the clock of Redis was set forward', async () => {
  const key = `${config.cluster}:cache:forward`;
  const register = new RingRegister(redis, key);
  const started = performance.now();
  await register.change('10.0.0.1:11211', undefined, { state: 'in', weight: 1 });
  await register.look();
  // As if the register had been changed an hour ago.
  await redis.hset(key, '@changed', String((Date.now() - 3_600_000) * 1_000));
  expect((await register.look()).unchangedForMs).toBeLessThanOrEqual(performance.now() - started);
});
