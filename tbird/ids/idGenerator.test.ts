import { describe, expect, it } from 'vitest';
import { composeSnowflake, Deadline, isRoostError, parseSnowflake, snowflakeEpochMs } from '../../core/index.js';
import { IdGenerator } from './idGenerator.js';
import type { WorkerLease, WorkerLeases } from './workerLease.js';

const startMs = Date.UTC(2026, 0, 1);

/** A clock that stands where it is put, and leases of a given length on it. */
class Setting {
  nowMs = startMs;
  worker = 5;
  leaseMs = 1_000;
  fromMs = 0;
  refuse = false;
  acquired = 0;
  released: number | undefined;

  readonly leases: WorkerLeases = {
    acquire: async (): Promise<WorkerLease> => {
      const { nowMs } = this;
      if (this.refuse) throw new Error('no lease');
      this.acquired++;
      return { worker: this.worker, fromMs: this.fromMs, untilMs: nowMs + this.leaseMs, nowMs };
    },
    release: async (usedMs) => {
      this.released = usedMs;
    },
  };
  readonly ids = new IdGenerator(this.leases, { monotonicMs: () => this.nowMs - startMs });
  take = (count: number, ms = 5_000): Promise<bigint[]> => this.ids.take(count, Deadline.after(ms));
}

describe('ids', () => {
  it('hold time, worker and sequence, and rise', async () => {
    const setting = new Setting();
    const [first, second] = (await setting.take(2)) as [bigint, bigint];
    expect(parseSnowflake(first)).toEqual({ timeMs: startMs, worker: 5, sequence: 0 });
    expect(parseSnowflake(second)).toEqual({ timeMs: startMs, worker: 5, sequence: 1 });
    expect(composeSnowflake(parseSnowflake(second))).toBe(second);
    setting.nowMs++;
    expect(parseSnowflake((await setting.take(1))[0]!)).toEqual({ timeMs: startMs + 1, worker: 5, sequence: 0 });
  });

  it('wait for the next millisecond when 4,096 of one are used', async () => {
    const setting = new Setting();
    const taking = setting.take(10_000);
    const timer = setInterval(() => setting.nowMs++, 1);
    const ids = await taking;
    clearInterval(timer);
    expect(new Set(ids).size).toBe(10_000);
    const perMs = new Map<number, number>();
    for (const id of ids) perMs.set(parseSnowflake(id).timeMs, (perMs.get(parseSnowflake(id).timeMs) ?? 0) + 1);
    expect(Math.max(...perMs.values())).toBe(4_096);
    expect([...ids].sort((a, b) => (a < b ? -1 : 1))).toEqual(ids);
  });

  it('are refused in time while the clock stands still', async () => {
    const setting = new Setting();
    await setting.take(4_096);
    const error: unknown = await setting.take(1, 30).catch((thrown: unknown) => thrown);
    expect(isRoostError(error, 'DeadlineExceeded')).toBe(true);
  });

  it('never follow a clock that steps back: a little is waited for, more is refused', async () => {
    const setting = new Setting();
    const [before] = await setting.take(1);
    setting.nowMs -= 50;
    const waiting = setting.take(1);
    const timer = setInterval(() => (setting.nowMs += 10), 1);
    const [after] = await waiting;
    clearInterval(timer);
    expect(after! > before!).toBe(true);
    setting.nowMs -= 60_000;
    const error: unknown = await setting.take(1).catch((thrown: unknown) => thrown);
    expect(isRoostError(error, 'Unavailable') && error.message).toContain('behind the last id');
  });

  it('stop when the lease may have ended, and go on with the next one behind the time that others may have used', async () => {
    const setting = new Setting();
    await setting.take(1);
    setting.nowMs += 1_001;
    setting.refuse = true;
    await expect(setting.take(1)).rejects.toThrow('no lease');
    setting.refuse = false;
    setting.worker = 6;
    setting.fromMs = setting.nowMs + 20;
    const taking = setting.take(1);
    const timer = setInterval(() => setting.nowMs++, 1);
    const { worker, timeMs } = parseSnowflake((await taking)[0]!);
    clearInterval(timer);
    expect(worker).toBe(6);
    expect(timeMs).toBeGreaterThan(setting.fromMs);
  });

  it('have their lease prolonged while it is good, and give it back with the last time used', async () => {
    const setting = new Setting();
    await setting.take(1);
    setting.nowMs += 500;
    await setting.take(1);
    await setting.ids.close();
    expect(setting.acquired).toBe(2);
    expect(setting.released).toBe(startMs + 500);
    await expect(setting.take(1)).rejects.toThrow('closed');
  });
});

describe('parts of ids', () => {
  it('are refused out of their bounds', () => {
    expect(() => parseSnowflake(20n)).toThrow('before Snowflake');
    expect(() => composeSnowflake({ timeMs: snowflakeEpochMs - 1, worker: 0, sequence: 0 })).toThrow('timeMs');
    expect(() => composeSnowflake({ timeMs: startMs, worker: 1_024, sequence: 0 })).toThrow('worker');
    expect(() => composeSnowflake({ timeMs: startMs, worker: 0, sequence: 4_096 })).toThrow('sequence');
    expect(parseSnowflake('125082707389718529')).toEqual({ timeMs: 1_318_657_016_023, worker: 34, sequence: 1 });
  });
});
