import { describe, expect, it } from 'vitest';
import { Deadline } from './deadline.js';

const never = new Promise<never>(() => undefined);

describe('a deadline', () => {
  it('that has passed has no time left', () => {
    const deadline = Deadline.after(0);
    expect([deadline.passed, deadline.remainingMs()]).toEqual([true, 0]);
    expect(() => deadline.check('waiting')).toThrow(
      expect.objectContaining({
        code: 'DeadlineExceeded',
        message: 'waiting did not finish before its deadline',
        retryable: true,
      }) as Error,
    );
  });

  it('within another ends with the earlier of the two', () => {
    const whole = Deadline.after(100_000);
    expect(whole.within(1_000).remainingMs()).toBeLessThanOrEqual(1_000);
    expect(whole.within(1_000_000).remainingMs()).toBeLessThanOrEqual(100_000);
    expect(whole.within(1_000_000).remainingMs()).toBeGreaterThan(1_000);
    expect(whole.passed).toBe(false);
    expect(() => whole.check('waiting')).not.toThrow();
  });

  it('passes on the value or the error of a promise that settles in time', async () => {
    const deadline = Deadline.after(100_000);
    await expect(deadline.race(Promise.resolve(7), 'seven')).resolves.toBe(7);
    const failure = new Error('no');
    await expect(deadline.race(Promise.reject(failure), 'nothing')).rejects.toBe(failure);
  });

  it('ends the wait when it passes, and calls back to stop the work', async () => {
    let stopped = 0;
    const race = Deadline.after(5).race(never, 'waiting for ever', () => stopped++);
    await expect(race).rejects.toMatchObject({
      code: 'DeadlineExceeded',
      message: 'waiting for ever did not finish before its deadline',
    });
    expect(stopped).toBe(1);
  });
});
