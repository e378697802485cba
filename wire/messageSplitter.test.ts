import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRoostError, limits } from '../core/index.js';
import { BinaryWriter } from './binaryWriter.js';
import { RoostException } from './generated.js';
import { MessageSplitter } from './messageSplitter.js';
import { thriftType, version1 } from './thriftType.js';

/** A message with a struct of every shape that has a length of its own. */
function message(
  framed: boolean,
  { name, text, numbers, map }: { name: string; text: string; numbers: number[]; map: Record<string, string> },
): Buffer {
  let written = Buffer.alloc(0);
  const output = new BinaryWriter(framed, (bytes) => (written = Buffer.from(bytes)));
  output.writeMessageBegin(name, 1, 7);
  output.writeFieldBegin('', thriftType.string, 1);
  output.writeString(text);
  output.writeFieldBegin('', thriftType.list, 2);
  output.writeListBegin(thriftType.i64, numbers.length);
  for (const number of numbers) output.writeI64(BigInt(number));
  output.writeFieldBegin('', thriftType.list, 3);
  output.writeListBegin(thriftType.list, numbers.length);
  for (const number of numbers) {
    output.writeListBegin(thriftType.string, 1);
    output.writeString(String(number));
  }
  output.writeFieldBegin('', thriftType.map, 4);
  output.writeMapBegin(thriftType.i32, thriftType.string, numbers.length);
  for (const number of numbers) {
    output.writeI32(number);
    output.writeString(text);
  }
  output.writeFieldBegin('', thriftType.struct, 5);
  const exception = new RoostException({ code: text, description: text, fields: map, retryable: true });
  (exception as unknown as { write(output: BinaryWriter): void }).write(output);
  output.writeFieldStop();
  output.flush();
  return written;
}

const content = fc.record({
  name: fc.stringMatching(/^[a-z_]{1,20}$/),
  text: fc.string({ maxLength: 60 }),
  numbers: fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { maxLength: 8 }),
  map: fc.dictionary(fc.string(), fc.string(), { maxKeys: 4, noNullPrototype: true }),
});

describe.each([
  ['framed', true],
  ['unframed', false],
])('%s', (_name, framed) => {
  it('finds the same messages however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(content, { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (contents, cuts) => {
          const messages = contents.map((each) => message(framed, each));
          const stream = Buffer.concat(messages);
          const points = [0, ...cuts.map((cut) => cut % stream.length).sort((a, b) => a - b), stream.length];
          const splitter = new MessageSplitter();
          const found = points
            .slice(1)
            .flatMap((end, i) => [...splitter.push(Buffer.from(stream.subarray(points[i], end)))]);
          expect(splitter.framed).toBe(framed);
          expect(found).toEqual(messages.map((each) => (framed ? each.subarray(4) : each)));
          expect(splitter.pendingBytes).toBe(0);
        },
      ),
    );
  });

  it('finds messages that come byte by byte', () => {
    const bytes = message(framed, { name: 'x', text: 'text', numbers: [1, 2], map: { a: 'b' } });
    const splitter = new MessageSplitter();
    const found = Array.from(bytes, (byte) => [...splitter.push(Buffer.of(byte))]);
    expect(found.slice(0, -1).flat()).toEqual([]);
    expect(found.at(-1)).toHaveLength(1);
  });
});

it('throws InvalidArgument, and no other error, for any bytes', () => {
  const header = [0x80, 1, 0, 1, 0, 0, 0, 1, 0x78, 0, 0, 0, 1];
  const start = fc.constantFrom([], [0x80], [0x80, 1, 0, 1], header);
  fc.assert(
    fc.property(
      start,
      fc.uint8Array({ maxLength: 100 }),
      fc.array(fc.uint8Array({ maxLength: 100 })),
      (first, rest, chunks) => {
        const splitter = new MessageSplitter();
        try {
          for (const chunk of [Uint8Array.from([...first, ...rest]), ...chunks])
            for (const found of splitter.push(Buffer.from(chunk))) expect(found.length).toBeGreaterThan(0);
        } catch (error) {
          expect(isRoostError(error, 'InvalidArgument')).toBe(true);
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

describe('refuses', () => {
  const unframed = (...rest: number[]): Buffer => {
    const head = Buffer.alloc(13);
    head.writeInt32BE(version1 | 1, 0);
    head.writeInt32BE(1, 4);
    head.write('x', 8);
    return Buffer.concat([head, Buffer.from(rest)]);
  };
  const frame = (length: number): Buffer => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    return head;
  };

  it.each([
    ['a frame that is too large', frame(limits.messageBytes + 1)],
    ['an empty frame', frame(0)],
    ['another version', Buffer.from([0x80, 2, 0, 1, 0, 0, 0, 1])],
    ['a method name of a gigabyte', Buffer.from([0x80, 1, 0, 1, 0x40, 0, 0, 0])],
    ['a string of a gigabyte', unframed(thriftType.string, 0, 1, 0x40, 0, 0, 0)],
    ['a negative length', unframed(thriftType.list, 0, 1, thriftType.i32, 0xff, 0xff, 0xff, 0xff)],
    ['a list that is too large', unframed(thriftType.list, 0, 1, thriftType.i64, 0, 0xff, 0xff, 0xff)],
    ['a type that does not exist', unframed(1, 0, 1)],
    [
      'structs nested without end',
      unframed(...Array.from({ length: limits.messageDepth }, () => [thriftType.struct, 0, 1]).flat()),
    ],
  ])('%s', (_name, bytes) => {
    expect(() => [...new MessageSplitter().push(bytes)]).toThrow(/malformed Thrift message/);
  });

  it.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n'), /HTTP.* admin port/],
    ['TLS', Buffer.from([0x16, 3, 1, 2, 0, 1]), /TLS.* `tls`/],
  ])('%s, and names the next step', (_name, bytes, advice) => {
    expect(() => [...new MessageSplitter().push(bytes)]).toThrow(advice);
  });

  it('an unframed message that grows past the limit field by field', () => {
    const splitter = new MessageSplitter();
    const piece = Buffer.concat([Buffer.from([thriftType.string, 0, 1, 0, 0x10, 0, 0]), Buffer.alloc(0x100000)]);
    expect([...splitter.push(unframed())]).toEqual([]);
    expect(() => {
      for (let i = 0; i <= limits.messageBytes / piece.length + 1; i++) expect([...splitter.push(piece)]).toEqual([]);
    }).toThrow(/larger than/);
  });
});

it('holds no more bytes than have arrived, whatever length is declared', () => {
  const splitter = new MessageSplitter();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(limits.messageBytes);
  expect([...splitter.push(head)]).toEqual([]);
  expect(splitter.pendingBytes).toBe(5);
});
