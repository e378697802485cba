import type { Deadline } from '../core/index.js';
import type { RoostTypes } from '../wire/index.js';
import type { Channel } from './channel.js';
import { WriteCourse } from './writeCourse.js';
import { writeOptionsToThrift, type WriteCallOptions } from './writeCallOptions.js';

/**
 * Makes a write through a channel: it is accepted at most once, however many attempts it takes, and not after its
 * deadline.
 *
 * Throws as `Channel.call`. If the error's field `outcome` is `unknown` (codes `Unavailable`, `DeadlineExceeded` and
 * `Internal` only), the write may have been made, or may still be until its deadline. If the field `journaled` is
 * set, the write will be applied, but is not yet.
 *
 * @param deadline absent: that of the options, from now on
 */
export function write<C extends object, T>(
  channel: Channel<C>,
  invoke: (client: C, options: RoostTypes.WriteOptions) => Promise<T>,
  options: WriteCallOptions,
  deadline: Deadline = channel.deadline(options),
): Promise<T> {
  const fixed = writeOptionsToThrift(options);
  const course = new WriteCourse(channel.time, deadline);
  return channel.callWithin(
    deadline,
    (client, within) => invoke(client, { ...fixed, ...within, ...course.send() }),
    options.signal,
    course,
  );
}
