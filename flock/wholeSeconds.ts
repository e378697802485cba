import type { Micros } from '../core/index.js';
import type { Operation } from '../wire/index.js';

const second = 1_000_000n;

/**
 * The time of an operation that was given in whole seconds, as FlockDB's clients and jobs give theirs. Within one second FlockDB let the greater state win. A time
 * in microseconds that keeps this: an add stands at the beginning of its second, and every other operation at the end of it. Of several at the end, the greater rank wins, as
 * at any equal time.
 */
export const timeOfSecond = (operation: Operation, seconds: bigint): Micros =>
  seconds * second + (operation === 'add' ? 0n : second - 1n);

/** The second that a time lies in. */
export const secondOf = (time: Micros): bigint => time / second;
