import { describe, expect, it } from 'vitest';
import { dayWindowsText, parseDayWindows, restingText, sharedRates } from './moveThrottle.js';

describe('times of day', () => {
  it('are read and written as HH:MM-HH:MM', () => {
    expect(dayWindowsText(parseDayWindows('1:00-05:00, 22:30-24:00'))).toBe('01:00-05:00,22:30-24:00');
    for (const bad of ['1-5', '25:00-03:00', '01:60-02:00', '03:00-03:00', '01:00-05:00,'])
      expect(() => parseDayWindows(bad)).toThrow(/is no part of a day/);
  });

  it('let migrations rest outside of them, also over midnight', () => {
    const windows = parseDayWindows('01:00-05:00,22:00-00:30');
    for (const minute of [60, 299, 22 * 60, 23 * 60 + 59, 29]) expect(restingText(windows, minute)).toBe('');
    expect(restingText(windows, 30)).toContain('rests until 01:00 UTC');
    expect(restingText(windows, 300)).toContain('rests until 22:00 UTC');
    expect(restingText([], 300)).toBe('');
  });

  it('share a bound among the moves that run, below the rates of each', () => {
    const rates = { minRowsPerSecond: 500, maxRowsPerSecond: 10_000 };
    const bound = (rowsPerSecond: number | undefined, running: number) =>
      sharedRates(rates, { rowsPerSecond, running, between: [], resting: '' });
    expect(bound(undefined, 3)).toEqual(rates);
    expect(bound(9_000, 3)).toEqual({ minRowsPerSecond: 500, maxRowsPerSecond: 3_000 });
    expect(bound(90, 3)).toEqual({ minRowsPerSecond: 30, maxRowsPerSecond: 30 });
    expect(bound(90_000, 0)).toEqual(rates);
  });
});
