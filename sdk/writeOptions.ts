import {
  acknowledgementNumbers,
  priorityNumbers,
  type RoostTypes,
  type WriteOptions as StoreWriteOptions,
} from '../wire/index.js';
import type { CallOptions } from './channel.js';

/** The client gives each write an identity of its own, so that all its attempts are one. */
export interface WriteOptions extends CallOptions, Pick<StoreWriteOptions, 'priority' | 'acknowledgement'> {}

/** Checks the options and returns what puts them on the wire, given what is left of the deadline. Throws `InvalidArgument`. */
export function writeOptionsToThrift({
  priority,
  acknowledgement,
}: WriteOptions): (deadlineMs: number) => RoostTypes.WriteOptions {
  const fixed = {
    ...(priority === undefined ? {} : { priority: priorityNumbers.toNumber(priority) }),
    ...(acknowledgement === undefined ? {} : { acknowledgement: acknowledgementNumbers.toNumber(acknowledgement) }),
  };
  return (deadlineMs) => ({ ...fixed, deadline_ms: deadlineMs });
}
