import { describe, expect, it } from 'vitest';
import { Deadline, RoostError } from '../../core/index.js';
import { Metrics } from '../../process/index.js';
import { leaf, node, topologyOf } from '../../test/conformance/trees.js';
import { Topology } from '../topology/topology.js';
import { Hedge } from './hedge.js';
import { readAny } from './readAny.js';
import type { Leaf } from './route.js';

const route = new Topology(topologyOf(node('replicating', leaf('a'), leaf('b')))).route(1, 0n);
const healthy = (): boolean => true;
const hosts = ['a', 'b'];

/** A hedge that knows the hosts as fast. */
function experienced(config: { hedge?: boolean; hedgeMaxPercent?: number } = {}): {
  hedge: Hedge;
  winners: () => Promise<Record<string, number>>;
} {
  const metrics = new Metrics();
  const hedge = new Hedge({ hedge: true, hedgeMaxPercent: 100, ...config }, metrics);
  for (let i = 0; i < 128; i++) for (const host of hosts) hedge.answered(host, 1);
  return {
    hedge,
    winners: async () =>
      Object.fromEntries<number>(
        (await metrics.registry.getSingleMetric('roost_hedged_reads_total')!.get()).values.map(({ labels, value }) => [
          String(labels['winner']),
          value,
        ]),
      ),
  };
}

/** Replicas of which the first that is asked does not answer before `release`. */
function slowFirst() {
  let release!: (error?: Error) => void;
  const held = new Promise<string>((resolve, reject) => {
    release = (error) => (error === undefined ? resolve('first') : reject(error));
  });
  const asked: string[] = [];
  const read = (asking: Leaf): Promise<string> => {
    asked.push(asking.shard.id.hostname);
    return asked.length === 1 ? held : Promise.resolve('second');
  };
  return { asked, read, release };
}

describe('a hedged read', () => {
  it('asks a second replica when the first is slow, and takes the first answer', async () => {
    const { hedge, winners } = experienced();
    const { asked, read, release } = slowFirst();
    expect(await readAny(route, Deadline.after(60_000), healthy, read, hedge)).toBe('second');
    expect(new Set(asked)).toEqual(new Set(hosts));
    expect(await winners()).toEqual({ second: 1 });
    release(new RoostError('Unavailable', 'too late for anybody to hear'));
  });

  it('takes the answer of the first where that comes first after all', async () => {
    const { hedge, winners } = experienced();
    let finish!: (text: string) => void;
    const first = new Promise<string>((resolve) => (finish = resolve));
    let asked = 0;
    const answer = readAny(
      route,
      Deadline.after(60_000),
      healthy,
      () => {
        if (++asked === 1) return first;
        finish('first');
        return new Promise<string>(() => undefined);
      },
      hedge,
    );
    expect(await answer).toBe('first');
    expect(await winners()).toEqual({ first: 1 });
  });

  it.each([
    ['it is switched off', { hedge: false }, healthy, undefined],
    ['the other host is down', {}, (host: string) => host === 'a', undefined],
    ['the other replica lags', {}, healthy, (key: string) => key.startsWith('a/')],
  ])('asks one only where %s', async (_why, config, isHealthy, isCurrent) => {
    const { hedge } = experienced(config);
    const { asked, read, release } = slowFirst();
    const answer = readAny(route, Deadline.after(60_000), isHealthy, read, hedge, isCurrent);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toHaveLength(1);
    release();
    expect(await answer).toBe('first');
  });

  it('asks one only where it knows too little of the host', async () => {
    const hedge = new Hedge({ hedge: true, hedgeMaxPercent: 100 }, new Metrics());
    for (let i = 0; i < 63; i++) for (const host of hosts) hedge.answered(host, 1);
    expect(hedge.begin('a')).toBeUndefined();
    hedge.answered('a', 1);
    expect(hedge.begin('a')).toBe(1);
  });

  it('is sent after the time of the slowest twentieth of reads', () => {
    const hedge = new Hedge({ hedge: true, hedgeMaxPercent: 5 }, new Metrics());
    for (let tookMs = 1; tookMs <= 256; tookMs++) hedge.answered('a', tookMs);
    expect(hedge.begin('a')).toBe(244);
  });

  it('is hedged for no more than its share of the reads, whatever was saved up before', () => {
    const hedge = new Hedge({ hedge: true, hedgeMaxPercent: 5 }, new Metrics());
    let hedged = 0;
    for (let i = 0; i < 10_000; i++) {
      hedge.begin('a');
      if (hedge.take()) hedged++;
    }
    expect(hedged).toBeGreaterThan(490);
    expect(hedged).toBeLessThanOrEqual(500 + 20);
  });

  it('fails with the errors of both replicas when both fail', async () => {
    const { hedge } = experienced();
    let fail!: (error: Error) => void;
    const first = new Promise<never>((_, reject) => (fail = reject));
    let asked = 0;
    const answer = readAny(
      route,
      Deadline.after(60_000),
      healthy,
      () => {
        if (++asked === 1) return first;
        fail(new RoostError('Unavailable', 'first away'));
        return Promise.reject(new RoostError('Unavailable', 'second away'));
      },
      hedge,
    );
    await expect(answer).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(/first away; .*second away/) as string,
    });
  });
});
