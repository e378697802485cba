import { RoostError } from '../core/index.js';

/** Bytes that are not a message of the binary protocol. The connection that they came from cannot be read any further. */
export const malformed = (why: string): RoostError =>
  new RoostError('InvalidArgument', `malformed Thrift message: ${why}`, { fields: { malformed: 'true' } });

export const isMalformed = (error: unknown): error is RoostError =>
  error instanceof RoostError && error.fields['malformed'] !== undefined;

/** A well-formed message that holds more than a call may. It is refused, and the connection goes on. */
export const oversized = (bound: string, why: string): RoostError =>
  new RoostError('InvalidArgument', `the call is too large: ${why}`, { fields: { bound } });

export const isOversized = (error: unknown): error is RoostError =>
  error instanceof RoostError && error.fields['bound'] !== undefined;
