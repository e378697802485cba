import { describe, expect, it } from 'vitest';
import { Health } from './health.js';

/** A host's health with a clock that the test moves. */
function made(): { health: Health; pass: (ms: number) => void; fail: (times: number) => void } {
  let nowMs = 1_000_000;
  const health = new Health(() => nowMs);
  return {
    health,
    pass: (ms) => void (nowMs += ms),
    fail: (times) => {
      for (let i = 0; i < times; i++) health.failed();
    },
  };
}

describe('the health of a host', () => {
  it('is up at first, and while failures are not consecutive', () => {
    const { health, fail } = made();
    for (let i = 0; i < 10; i++) {
      expect(health.healthy).toBe(true);
      fail(2);
      health.succeeded();
    }
    expect(health.down).toBe(false);
  });

  it('is down for a while after three consecutive failures', () => {
    const { health, pass, fail } = made();
    fail(3);
    expect(health.healthy).toBe(false);
    expect(health.down).toBe(true);
    pass(249);
    expect(health.healthy).toBe(false);
  });

  it('lets one request through as a probe after that time', () => {
    const { health, pass, fail } = made();
    fail(3);
    pass(250);
    // Looking alone does not take the probe: a request may look at a host and then not ask it.
    expect([health.healthy, health.healthy]).toEqual([true, true]);
    health.asked();
    expect(health.healthy).toBe(false);
    expect(health.down).toBe(true);
    // The one that probed has not come back: the next may try.
    pass(250);
    expect(health.healthy).toBe(true);
  });

  it('is up again once a probe succeeds', () => {
    const { health, pass, fail } = made();
    fail(3);
    pass(250);
    health.asked();
    health.succeeded();
    expect([health.healthy, health.healthy, health.down]).toEqual([true, true, false]);
    fail(2);
    expect(health.healthy).toBe(true);
  });

  it('doubles its wait after each failed probe, up to five seconds, and starts over after a success', () => {
    const { health, pass, fail } = made();
    fail(3);
    for (const waitMs of [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]) {
      pass(waitMs - 1);
      expect(health.healthy).toBe(false);
      pass(1);
      expect(health.healthy).toBe(true);
      health.asked();
      fail(1);
    }
    health.succeeded();
    fail(3);
    pass(250);
    expect(health.healthy).toBe(true);
  });
});
