import {
  acknowledgementNumbers,
  priorityNumbers,
  type AcknowledgementName,
  type PriorityName,
  type RoostTypes,
} from '../wire/index.js';
import type { CallOptions } from './channel.js';

export interface WriteOptions extends CallOptions {
  /** Which queue the write takes. Absent: high. */
  readonly priority?: PriorityName;
  /** `journaled` (the default): resolves once the write is durable in the journal. `materialized`: once the next read sees it. */
  readonly acknowledgement?: AcknowledgementName;
}

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
