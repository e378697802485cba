import { RoostError } from '../core/index.js';
import { acknowledgmentNumbers, priorityNumbers, type RoostTypes, type WriteOptions } from '../wire/index.js';
import type { CallOptions } from './channel.js';

/** The client gives each write an identity, which all its attempts share. */
export interface WriteCallOptions extends CallOptions, Pick<WriteOptions, 'priority' | 'acknowledgment'> {}

/** The wire form of the options that each attempt sends alike. Throws `InvalidArgument`. */
export function writeOptionsToThrift(
  options: WriteCallOptions,
): Pick<RoostTypes.WriteOptions, 'priority' | 'acknowledgment'> {
  const { priority, acknowledgment } = options;
  // Its name in 0.1. Ignored, the write would be answered earlier than a program in plain JavaScript asks for.
  if ('acknowledgement' in options)
    throw new RoostError('InvalidArgument', '`acknowledgement` is called `acknowledgment`', {
      fields: { argument: 'acknowledgement' },
    });
  return {
    ...(priority === undefined ? {} : { priority: priorityNumbers.toNumber(priority) }),
    ...(acknowledgment === undefined ? {} : { acknowledgment: acknowledgmentNumbers.toNumber(acknowledgment) }),
  };
}
