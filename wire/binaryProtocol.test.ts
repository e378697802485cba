import fc from 'fast-check';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { isRoostError, limits } from '../core/index.js';
import { BinaryReader } from './binaryReader.js';
import { BinaryWriter } from './binaryWriter.js';
import { RoostException } from './generated.js';
import type * as FlockDBTypes from './gen/flockdb_types.js';
import { thriftType } from './thriftType.js';

const require = createRequire(import.meta.url);
const { QueryTerm } = require('./gen/flockdb_types.js') as typeof FlockDBTypes;

interface Struct {
  read(input: unknown): void;
  write(output: unknown): void;
}
interface LibraryTransport {
  write(bytes: Buffer): void;
  flush(): void;
}
/** The library's own protocol, which knows 64-bit integers as node-int64 objects: anything with the 8 bytes in `buffer`. */
const { TBinaryProtocol, TFramedTransport } = require('thrift') as {
  TBinaryProtocol: new (transport: LibraryTransport) => { flush(): void };
  TFramedTransport: new (bytes: Buffer | undefined, onFlush?: (frame: Buffer) => void) => LibraryTransport;
};

const asInt64 = (value: bigint): { buffer: Buffer } => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return { buffer };
};

function writtenByUs(struct: unknown): Buffer {
  let frame = Buffer.alloc(0);
  const output = new BinaryWriter(true, (message) => (frame = Buffer.from(message)));
  (struct as Struct).write(output);
  output.flush();
  return frame;
}

function writtenByLibrary(struct: unknown): Buffer {
  let frame = Buffer.alloc(0);
  const output = new TBinaryProtocol(new TFramedTransport(undefined, (message) => (frame = Buffer.from(message))));
  (struct as Struct).write(output);
  output.flush();
  return frame;
}

function read<T>(struct: T, frame: Buffer): T {
  (struct as Struct).read(new BinaryReader(frame.subarray(4)));
  return struct;
}

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const bytes = fc.uint8Array({ maxLength: 600 }).map((array) => Buffer.from(array));

const queryTerm = fc.record({
  source_id: int64,
  graph_id: int32,
  is_forward: fc.boolean(),
  destination_ids: bytes,
  state_ids: fc.array(int32),
  min_position: int64,
  max_position: int64,
});
const roostException = fc.record({
  code: fc.string(),
  description: fc.string({ unit: 'binary', maxLength: 300 }),
  // A plain object, as the Thrift library makes them, cannot have this name as a key; no field of ours is called so.
  fields: fc.dictionary(
    fc.string({ minLength: 1 }).filter((name) => name !== '__proto__'),
    fc.string({ unit: 'grapheme' }),
    { noNullPrototype: true },
  ),
  retryable: fc.boolean(),
  retry_after_ms: int32,
});

it('writes the bytes that the Thrift library writes, and reads them back', () => {
  fc.assert(
    fc.property(queryTerm, roostException, (term, exception) => {
      const frame = writtenByUs(new QueryTerm(term));
      const [source_id, min_position, max_position] = [term.source_id, term.min_position, term.max_position].map(
        (value) => asInt64(value) as unknown as bigint,
      );
      expect(frame).toEqual(
        writtenByLibrary(
          new QueryTerm({ ...term, source_id: source_id!, min_position: min_position!, max_position: max_position! }),
        ),
      );
      expect({ ...read(new QueryTerm(), frame) }).toEqual(term);

      const error = writtenByUs(new RoostException(exception));
      expect(error).toEqual(writtenByLibrary(new RoostException(exception)));
      expect(read(new RoostException(), error)).toMatchObject(exception);
    }),
  );
});

it('skips fields that it does not know', () => {
  const output = new BinaryWriter(true, (message) => {
    expect({ ...read(new QueryTerm(), message) }).toMatchObject({ source_id: 7n, graph_id: 3 });
  });
  output.writeFieldBegin('', thriftType.map, 90);
  output.writeMapBegin(thriftType.string, thriftType.list, 1);
  output.writeString('key');
  output.writeListBegin(thriftType.struct, 2);
  for (const value of [1.5, -2]) {
    output.writeFieldBegin('', thriftType.double, 1);
    output.writeDouble(value);
    output.writeFieldStop();
  }
  output.writeFieldBegin('', thriftType.set, 91);
  output.writeSetBegin(thriftType.i16, 3);
  for (const value of [1, 2, 3]) output.writeI16(value);
  (new QueryTerm({ source_id: 7n, graph_id: 3, is_forward: true }) as unknown as Struct).write(output);
  output.flush();
  expect.assertions(1);
});

it('throws InvalidArgument, and no other error, for malformed bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (array) => {
      try {
        read(new RoostException(), Buffer.concat([Buffer.alloc(4), array]));
      } catch (error) {
        expect(isRoostError(error, 'InvalidArgument')).toBe(true);
      }
    }),
    { numRuns: 1_000 },
  );
});

it.each([
  ['a string of a gigabyte', [thriftType.string, 0, 1, 0x40, 0, 0, 0]],
  ['a negative length', [thriftType.string, 0, 1, 0xff, 0xff, 0xff, 0xff]],
  ['a map of a billion entries', [thriftType.map, 0, 3, 11, 11, 0x40, 0, 0, 0]],
  ['a list of a billion unknown things', [thriftType.list, 0, 99, 12, 0x40, 0, 0, 0]],
  ['a type that does not exist', [77, 0, 1]],
  ['an end too early', [thriftType.i32, 0, 5, 0]],
])('refuses %s', (_name, bytes) => {
  expect(() => read(new RoostException(), Buffer.from([0, 0, 0, 0, ...bytes]))).toThrow(/malformed Thrift message/);
});

it('refuses structs nested without end', () => {
  const nested = Buffer.concat(
    Array.from({ length: limits.messageDepth + 1 }, () => Buffer.from([thriftType.struct, 0, 99])),
  );
  expect(() => read(new RoostException(), Buffer.concat([Buffer.alloc(4), nested]))).toThrow(/nests more than/);
});

it('refuses to write more than a message may hold', () => {
  const output = new BinaryWriter(true, () => undefined);
  output.writeBinary(Buffer.alloc(limits.messageBytes - 4));
  expect(() => output.writeByte(1)).toThrow(/larger than/);
  // An answer that was too large is replaced by its error.
  output.writeMessageBegin('contains', 3, 1);
  output.flush();
});
