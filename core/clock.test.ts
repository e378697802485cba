import { afterEach, describe, expect, it, vi } from 'vitest';
import { HybridClock, systemMicros } from './clock.js';

describe('the hybrid clock', () => {
  it('follows the wall clock, and never stands still nor goes back', () => {
    const wall = [100n, 100n, 100n, 90n, 200n];
    const clock = new HybridClock(() => wall.shift()!);
    expect([clock.now(), clock.now(), clock.now(), clock.now(), clock.now()]).toEqual([100n, 101n, 102n, 103n, 200n]);
  });
});

it('counts microseconds from 1970', () => {
  const before = BigInt(Date.now() - 60_000) * 1000n;
  const now = systemMicros();
  expect(now > before && now < before + 120_000_000n).toBe(true);
});

describe('a wall clock that is set while a process runs', () => {
  afterEach(() => void vi.useRealTimers());

  it.each([
    ['back', -3_600_000],
    ['forth', 3_600_000],
    ['a little', 20],
  ])('%s is followed', (_, byMs) => {
    systemMicros();
    const set = Date.now() + byMs;
    vi.useFakeTimers({ toFake: ['Date'], now: set });
    expect(systemMicros()).toBe(BigInt(set) * 1000n);
  });
});
