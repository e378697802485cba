import { RoostError, type Micros } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { JobType } from './jobType.js';
import type { NewJob } from './journal.js';

const timeBytes = 8;

/**
 * A write as a job, with its time in front of the body. Without `time` the journal assigns one: later than that of
 * every write accepted before, on any server. See `timedJobType`.
 */
export function timedJob(kind: string, body: Buffer, time?: Micros): NewJob {
  const payload = Buffer.alloc(timeBytes + body.length);
  payload.writeBigInt64LE(time ?? 0n);
  body.copy(payload, timeBytes);
  return { kind, payload, ...(time === undefined ? { times: { count: 1, offsets: [0] } } : {}) };
}

/** A kind of job made by `timedJob`: its `split` gets the write's time beside the body. */
export interface TimedJobType<Item, H extends Host = Host> extends Omit<
  JobType<Item, H>,
  'split' | 'check' | 'toJson' | 'fromJson'
> {
  /** As `JobType.split`. */
  split(body: Buffer, time: Micros, add: (tableId: number, key: bigint, item: Item) => void, version: number): void;
}

/** Refuses jobs from outside with a time past the latest. */
export const timedJobType = <Item, H extends Host = Host>(type: TimedJobType<Item, H>): JobType<Item, H> => ({
  ...type,
  split: (payload, add, version) => type.split(payload.subarray(timeBytes), timeOf(payload, type.kind), add, version),
  check(payload, { latest }) {
    const time = timeOf(payload, type.kind);
    if (time < 0n || time > latest)
      throw new RoostError('InvalidArgument', `times are microseconds from 1970 to a day from now, not ${time}`);
  },
});

function timeOf(payload: Buffer, kind: string): Micros {
  if (payload.length < timeBytes) throw new RoostError('DataLoss', `a job of kind ${kind} has no time`);
  return payload.readBigInt64LE();
}
