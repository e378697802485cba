import fc from 'fast-check';
import { expect, it } from 'vitest';
import { errorCodes, RoostError } from '../core/index.js';
import { BinaryReader } from './binaryReader.js';
import { BinaryWriter } from './binaryWriter.js';
import { errorFromThrift, errorToThrift } from './errors.js';
import { RoostException } from './generated.js';

/** What the generated classes have and their declarations leave out. */
interface Struct {
  read(input: BinaryReader): void;
  write(output: BinaryWriter): void;
}

const error = fc
  .record({
    code: fc.constantFrom(...errorCodes),
    message: fc.string({ unit: 'grapheme' }),
    fields: fc.dictionary(fc.stringMatching(/^[a-z]+$/), fc.string(), { noNullPrototype: true }),
    retryable: fc.boolean(),
    retryAfterMs: fc.option(fc.nat(), { nil: undefined }),
  })
  .map(
    ({ code, message, retryAfterMs, ...rest }) =>
      new RoostError(code, message, { ...rest, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }),
  );

it('brings every error over the wire whole', () => {
  fc.assert(
    fc.property(error, (each) => {
      let received = new RoostException();
      const output = new BinaryWriter(false, (message) => {
        received = new RoostException();
        (received as unknown as Struct).read(new BinaryReader(message));
      });
      (errorToThrift(each) as unknown as Struct).write(output);
      output.flush();
      expect(errorFromThrift(received).toWire()).toEqual(each.toWire());
    }),
  );
});

it('takes a code of a newer server, and a server that says nothing, for Internal', () => {
  const fields = { description: 'x', fields: {}, retryable: true };
  expect(errorFromThrift(new RoostException({ code: 'Later', ...fields }))).toMatchObject({
    code: 'Internal',
    retryable: true,
  });
  expect(errorFromThrift(new RoostException()).toWire()).toEqual({
    code: 'Internal',
    message: 'the server gave no reason',
    fields: {},
    retryable: false,
    retryAfterMs: undefined,
  });
});
