import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EdgeBatch } from './edgeParser.js';
import { NdjsonParser } from './ndjsonParser.js';

function parse(
  text: string,
  { batchSize = 100, skipBad = false, cut = 1_000 } = {},
): { batches: EdgeBatch[]; parser: NdjsonParser } {
  const parser = new NdjsonParser({ name: 'file', batchSize, skipBad });
  const batches: EdgeBatch[] = [];
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += cut)
    batches.push(...parser.push(bytes.subarray(start, start + cut)));
  batches.push(...parser.end());
  return { batches, parser };
}
const lines = (...entries: object[]): string => entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');

describe('lines of JSON', () => {
  it('may name edges and nothing else, in strings or numbers', () => {
    const { batches, parser } = parse(
      '{"source":1,"destination":"9223372036854775807"}\n\n{"source":"3","destination":4}',
    );
    expect(batches).toEqual([
      {
        entryCount: 2,
        sourceIds: BigInt64Array.of(1n, 3n),
        destinationIds: BigInt64Array.of(2n ** 63n - 1n, 4n),
        operations: ['add', 'add'],
        nodes: [],
      },
    ]);
    expect(parser).toMatchObject({ edgeCount: 2, lineCount: 3 });
  });

  it('give an edge its state, and its place before that where the state gives none', () => {
    const edge = { source: 1, destination: 2, updatedAt: '50' };
    const { batches } = parse(
      lines(
        { ...edge, state: 'negative', position: '7', positionedAt: '50' },
        { ...edge, state: 'archived', position: '8', positionedAt: '40' },
        { ...edge, state: 'removed' },
        { ...edge, state: 'removed', own: 'normal', position: '-9' },
        { ...edge, state: 'archived', position: '3' },
      ),
    );
    expect(batches).toMatchObject([
      {
        entryCount: 5,
        operations: ['negate', 'add', 'archive', 'remove', 'add', 'add', 'archive'],
        positions: BigInt64Array.of(7n, 8n, 8n, 0n, -9n, 3n, 3n),
        times: BigInt64Array.of(50n, 40n, 50n, 50n, 50n, 49n, 50n),
      },
    ]);
  });

  it('give nodes what mass operations left on them', () => {
    const { batches } = parse(
      lines(
        { node: '5', direction: 'backward', color: 'archived', coloredAt: '70', removedThrough: '60' },
        { node: '6', direction: 'forward', color: 'normal', coloredAt: '0', removedThrough: '60' },
        { node: '7', direction: 'forward', color: 'normal', coloredAt: '9', removedThrough: '-1' },
      ),
    );
    expect(batches[0]!.nodes).toEqual([
      { id: 5n, direction: 'backward', operation: 'archive', time: 70n },
      { id: 5n, direction: 'backward', operation: 'remove', time: 60n },
      { id: 6n, direction: 'forward', operation: 'remove', time: 60n },
      { id: 7n, direction: 'forward', operation: 'add', time: 9n },
    ]);
  });

  it('come out the same however the bytes are cut', () => {
    const text = lines(
      ...Array.from({ length: 50 }, (_, i) => ({
        source: i,
        destination: i + 1,
        state: i % 3 === 0 ? 'archived' : 'normal',
        position: i,
        updatedAt: i,
      })),
    );
    const whole = parse(text, { batchSize: 7 }).batches;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        (cut) => void expect(parse(text, { batchSize: 7, cut }).batches).toEqual(whole),
      ),
    );
  });

  it.each([
    ['no JSON', '{"source":1,', 'is no JSON'],
    ['no object', '[1,2]', 'must be an object'],
    ['half an edge', '{"source":1}', 'destination must be an integer'],
    ['an id outside 64 bits', '{"source":1,"destination":"9223372036854775808"}', 'destination must be an integer'],
    ['an inexact number', '{"source":1,"destination":9007199254740993}', 'cannot hold exactly'],
    ['an unknown state', '{"source":1,"destination":2,"state":"lost"}', 'state must be one of'],
    ['an unknown key', '{"source":1,"destination":2,"weight":5}', 'has "weight"'],
    ['an unknown direction', '{"node":1,"direction":"up","color":"normal","coloredAt":0}', 'a direction is'],
    [
      'a time that comes late',
      '{"source":1,"destination":2}\n{"source":1,"destination":2,"updatedAt":5}',
      'line 2: has updatedAt',
    ],
    [
      'a position that is missing',
      '{"source":1,"destination":2,"position":5}\n{"source":1,"destination":2}',
      'line 2: has no position',
    ],
    ['a value twice', '{"source":1,"destination":2,"source":3}', 'two values for "source"'],
    ['a line without end', `{"source":1,"destination":2,"state":"${'x'.repeat(100_000)}"}`, 'longer than'],
  ])('are refused with %s, or counted', (_, text, message) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        code: 'InvalidArgument',
        message: expect.stringContaining(message) as string,
      }) as Error,
    );
    const { parser } = parse(`${text}\n`, { skipBad: true });
    expect(parser).toMatchObject({ badLineCount: 1, firstBadLine: text.split('\n').length });
  });
});
