import type { Deadline } from '../core/index.js';
import type { RoostTypes } from '../wire/index.js';
import type { Channel } from './channel.js';
import { WriteCourse } from './writeCourse.js';
import { writeOptionsToThrift, type WriteCallOptions } from './writeCallOptions.js';

/**
 * Makes a write on a channel's servers: accepted once, however many attempts it takes, and not after its deadline.
 *
 * Throws as `Channel.call` does. An error whose field `outcome` is `unknown`, always of the code `Unavailable`, `DeadlineExceeded` or `Internal`, leaves open whether the write was made, or will be
 * until its deadline. One whose field `journaled` is set is of a write that will be applied, and is not yet.
 *
 * @param deadline absent: that of the options, from now on
 */
export function write<C extends object, T>(
  channel: Channel<C>,
  invoke: (client: C, options: RoostTypes.WriteOptions) => Promise<T>,
  options: WriteCallOptions,
  deadline: Deadline = channel.deadline(options),
): Promise<T> {
  const toThrift = writeOptionsToThrift(options);
  const course = new WriteCourse(channel.time, deadline);
  return channel.callWithin(
    deadline,
    (client, deadlineMs) => invoke(client, { ...toThrift(deadlineMs), ...course.send() }),
    options.signal,
    course,
  );
}
