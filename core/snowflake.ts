import { parseCount, parseId, type IdInput } from './ids.js';
import { RoostError } from './errors.js';

/** 2010-11-04T01:42:54.657Z, from which Snowflake counts milliseconds. */
export const snowflakeEpochMs = 1_288_834_974_657;
/** Workers are 0 … 1,023, sequence numbers 0 … 4,095. */
export const snowflakeWorkers = 1_024;
export const snowflakesPerMs = 4_096;
const maxTimestamp = 2 ** 41 - 1;

/**
 * Smaller ids were handed out in sequence before Snowflake, up to some 30 billion, and carry no time. A Snowflake id
 * this small would be from the first eight seconds.
 */
export const firstSnowflakeId = 2n ** 35n;

/** The parts of a Snowflake id. */
export interface Snowflake {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly worker: number;
  readonly sequence: number;
}

/** Whether the id carries its time. */
export const isSnowflake = (id: bigint): boolean => id >= firstSnowflakeId;

/** Throws `InvalidArgument` for a malformed id, and for one from before Snowflake. */
export function parseSnowflake(input: IdInput): Snowflake {
  const id = parseId(input);
  if (!isSnowflake(id))
    throw new RoostError('InvalidArgument', `id ${id} is from before Snowflake and says nothing of its time`, {
      fields: { id },
    });
  return { timeMs: snowflakeTimeMs(id), worker: Number((id >> 12n) & 1_023n), sequence: Number(id & 4_095n) };
}

/**
 * Throws `InvalidArgument` for a time before Snowflake or after 2080, and for a worker or sequence number out of
 * range.
 */
export function composeSnowflake({ timeMs, worker, sequence }: Snowflake): bigint {
  parseCount(timeMs, 'timeMs', snowflakeEpochMs, snowflakeEpochMs + maxTimestamp);
  parseCount(worker, 'worker', 0, snowflakeWorkers - 1);
  parseCount(sequence, 'sequence', 0, snowflakesPerMs - 1);
  return firstIdAt(timeMs) | BigInt(worker << 12) | BigInt(sequence);
}

/**
 * The time in an id, in milliseconds since 1970. For ids from before Snowflake it is meaningless: one of the first
 * eight seconds.
 */
export const snowflakeTimeMs = (id: bigint): number => Number(id >> 22n) + snowflakeEpochMs;

/** The smallest id of a millisecond; 0 before Snowflake's first. */
export const firstIdAt = (timeMs: number): bigint => BigInt(Math.max(0, timeMs - snowflakeEpochMs)) << 22n;
