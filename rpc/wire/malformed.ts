import { RoostError } from '../../core/index.js';

/** Bytes that are not a message of the binary protocol. The connection that they came from cannot be read any further. */
export const malformed = (why: string): RoostError => new RoostError('InvalidArgument', `malformed Thrift message: ${why}`);
