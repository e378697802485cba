import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCodes, isRoostError, RoostError } from './errors.js';

describe('an error', () => {
  it('crosses the wire with all fields but its cause', () => {
    const arbitrary = fc.record({
      code: fc.constantFrom(...errorCodes),
      message: fc.string(),
      fields: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
      retryable: fc.boolean(),
      retryAfterMs: fc.option(fc.nat(), { nil: undefined }),
    });
    fc.assert(
      fc.property(arbitrary, ({ code, message, fields, retryable, retryAfterMs }) => {
        const error = new RoostError(code, message, {
          fields,
          retryable,
          ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
          cause: new Error('inner'),
        });
        const copy = RoostError.fromWire(
          JSON.parse(JSON.stringify(error.toWire())) as ReturnType<RoostError['toWire']>,
        );
        expect(copy.toWire()).toEqual(error.toWire());
        expect(copy).toBeInstanceOf(RoostError);
      }),
    );
  });

  it('with a code of a newer peer becomes Internal', () => {
    expect(
      RoostError.fromWire({ code: 'Tired', message: 'zzz', fields: {}, retryable: true, retryAfterMs: 5 }),
    ).toMatchObject({ code: 'Internal', message: 'zzz', retryable: true, retryAfterMs: 5 });
  });

  it('is retryable by its code, unless the option says otherwise', () => {
    const retryable = errorCodes.filter((code) => new RoostError(code, '').retryable);
    expect(retryable.sort()).toEqual(['Conflict', 'DeadlineExceeded', 'Overloaded', 'Unavailable']);
    expect(new RoostError('Unavailable', '', { retryable: false }).retryable).toBe(false);
  });

  it('has fields of text, so that a 64-bit id stays whole, and none that is absent', () => {
    expect(
      new RoostError('NotFound', '', { fields: { key: 2n ** 63n - 1n, table: -1, busy: true, host: undefined } })
        .fields,
    ).toEqual({ key: '9223372036854775807', table: '-1', busy: 'true' });
  });

  it('stays as it is when wrapped; any other value becomes Internal with that value as its cause', () => {
    const error = new RoostError('Conflict', 'no');
    expect(RoostError.from(error)).toBe(error);
    const plain = new TypeError('oops');
    expect(RoostError.from(plain)).toMatchObject({ code: 'Internal', message: 'oops', cause: plain });
    expect(RoostError.from('text')).toMatchObject({ code: 'Internal', message: 'text' });
    expect([
      isRoostError(error),
      isRoostError(error, 'Conflict'),
      isRoostError(error, 'NotFound'),
      isRoostError(plain),
    ]).toEqual([true, true, false, false]);
  });
});
