import { RoostError } from '../core/index.js';
import { acknowledgmentNumbers, priorityNumbers, type RoostTypes, type WriteOptions } from '../wire/index.js';
import type { CallOptions } from './channel.js';

/** The client gives each write an identity, which all its attempts share. */
export interface WriteCallOptions extends CallOptions, Pick<WriteOptions, 'priority' | 'acknowledgment'> {}

/**
 * Checks the options, and returns a function from the remaining time to their wire form. Throws `InvalidArgument`.
 */
export function writeOptionsToThrift(options: WriteCallOptions): (deadlineMs: number) => RoostTypes.WriteOptions {
  const { priority, acknowledgment } = options;
  // Its name in 0.1. Ignored, the write would be answered earlier than a program in plain JavaScript asks for.
  if ('acknowledgement' in options)
    throw new RoostError('InvalidArgument', '`acknowledgement` is called `acknowledgment`', {
      fields: { argument: 'acknowledgement' },
    });
  const fixed = {
    ...(priority === undefined ? {} : { priority: priorityNumbers.toNumber(priority) }),
    ...(acknowledgment === undefined ? {} : { acknowledgment: acknowledgmentNumbers.toNumber(acknowledgment) }),
  };
  return (deadlineMs) => ({ ...fixed, deadline_ms: deadlineMs });
}
