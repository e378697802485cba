import { RoostError } from '../../core/index.js';
import { LeaseTable } from './leaseTable.js';
import type { MovesDatabase } from './movesDatabase.js';
import type { MoveRates } from './moveTask.js';

const dayMinutes = 1_440;
const maxWindows = 24;
export const maxClusterRowsPerSecond = 100_000_000;

/**
 * A part of each day, in minutes since midnight UTC, without `to`. It passes midnight if `to` is not after `from`.
 */
export interface DayWindow {
  readonly from: number;
  readonly to: number;
}

/** An operator's limits for all copies and migrations of a cluster. */
export interface MoveThrottleSettings {
  /** Limit of all moves together; undefined: none. */
  readonly rowsPerSecond: number | undefined;
  /** When migrations work; empty: at all times. */
  readonly between: readonly DayWindow[];
}

export interface MoveThrottleNow extends MoveThrottleSettings {
  /** Why migrations rest now; '' while they work. */
  readonly resting: string;
  /** Moves running now, over all servers. They share the limit equally. */
  readonly running: number;
}

/**
 * A cluster's throttle, in its control tables: every server reads it with each beat of its moves, twice a second.
 * Times of day are UTC, by that database's clock.
 */
export class MoveThrottle {
  constructor(private readonly database: MovesDatabase) {}

  async read(): Promise<MoveThrottleNow> {
    const [row] = await this.database.read((host) =>
      host.rows(
        `SELECT throttle.rows_per_second, throttle.windows, TIME_TO_SEC(UTC_TIME()) DIV 60, (SELECT COUNT(*) FROM ${this.database.table('moves')} WHERE state = 'running' AND ${LeaseTable.held})
       FROM (SELECT 1 AS id) one LEFT JOIN ${this.database.table('moves_throttle')} throttle ON throttle.id = one.id`,
        [],
        this.database.deadline(),
      ),
    );
    const [rows, windows, minute, running] = row!;
    const between = parseDayWindows(String(windows ?? ''));
    return {
      rowsPerSecond: rows === null ? undefined : Number(rows),
      between,
      resting: restingText(between, Number(minute)),
      running: Number(running),
    };
  }

  async set({ rowsPerSecond, between }: MoveThrottleSettings): Promise<void> {
    if (
      rowsPerSecond !== undefined &&
      !(Number.isInteger(rowsPerSecond) && rowsPerSecond >= 1 && rowsPerSecond <= maxClusterRowsPerSecond)
    ) {
      throw new RoostError(
        'InvalidArgument',
        `rows per second must be an integer from 1 to ${maxClusterRowsPerSecond}, not ${rowsPerSecond}`,
      );
    }
    await this.database.change(async (session, touch) => {
      await session.run(
        `REPLACE INTO ${this.database.table('moves_throttle')} (id, rows_per_second, windows) VALUES (1, ?, ?)`,
        [rowsPerSecond ?? null, dayWindowsText(between)],
        this.database.deadline(),
      );
      touch('moves_throttle', { id: 1 });
    });
  }
}

/** The rates of one running move: its own, and at most its share. */
export function sharedRates(
  { minRowsPerSecond, maxRowsPerSecond }: MoveRates,
  { rowsPerSecond, running }: MoveThrottleNow,
): MoveRates {
  if (rowsPerSecond === undefined) return { minRowsPerSecond, maxRowsPerSecond };
  const max = Math.max(1, Math.min(maxRowsPerSecond, Math.floor(rowsPerSecond / Math.max(1, running))));
  return { minRowsPerSecond: Math.min(minRowsPerSecond, max), maxRowsPerSecond: max };
}

/** Parses `01:00-05:00,22:30-23:00`; empty: no windows. Throws `InvalidArgument`. */
export function parseDayWindows(text: string): DayWindow[] {
  if (text === '') return [];
  const windows = text.split(',').map((part) => {
    const [, ...digits] = /^\s*(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)\s*$/.exec(part) ?? [];
    const [fromHour = NaN, fromMinute = NaN, toHour = NaN, toMinute = NaN] = digits.map(Number);
    const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute];
    if (!(from < dayMinutes && to <= dayMinutes && fromMinute < 60 && toMinute < 60 && from !== to))
      throw new RoostError(
        'InvalidArgument',
        `${JSON.stringify(part)} is no part of a day: it must be such as 01:00-05:00, in UTC`,
      );
    return { from, to };
  });
  if (windows.length > maxWindows)
    throw new RoostError('InvalidArgument', `a day has at most ${maxWindows} windows, not ${windows.length}`);
  return windows;
}

export const dayWindowsText = (windows: readonly DayWindow[]): string =>
  windows.map(({ from, to }) => `${clock(from)}-${clock(to)}`).join(',');

/** Why migrations rest at a minute of the day; '' if they work. */
export function restingText(windows: readonly DayWindow[], minute: number): string {
  const isIn = ({ from, to }: DayWindow): boolean =>
    from < to ? minute >= from && minute < to : minute >= from || minute < to;
  if (windows.length === 0 || windows.some(isIn)) return '';
  const [next] = windows
    .map(({ from }) => from)
    .sort((a, b) => ((a - minute + dayMinutes) % dayMinutes) - ((b - minute + dayMinutes) % dayMinutes));
  return `rests until ${clock(next!)} UTC: migrations work between ${dayWindowsText(windows)} (roost migrations throttle)`;
}

const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
