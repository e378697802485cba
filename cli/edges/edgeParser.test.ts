import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxId, maxInt64, minInt64 } from '../../core/index.js';
import { EdgeParser } from './edgeParser.js';

interface Row {
  readonly source: bigint;
  readonly destination: bigint;
  readonly position?: bigint;
}

/** Parses text that comes in pieces of the given lengths, in batches. */
function parse(
  text: string,
  { pieces = [], batchSize = 4, skipBad = false }: { pieces?: number[]; batchSize?: number; skipBad?: boolean } = {},
) {
  const parser = new EdgeParser({ name: 'edges.txt', batchSize, skipBad });
  const bytes = Buffer.from(text);
  const rows: Row[] = [];
  const take = (batches: ReturnType<EdgeParser['push']>) => {
    for (const { sourceIds, destinationIds, positions } of batches) {
      expect(sourceIds.length).toBeLessThanOrEqual(batchSize);
      sourceIds.forEach((source, i) =>
        rows.push({
          source,
          destination: destinationIds[i]!,
          ...(positions === undefined ? {} : { position: positions[i]! }),
        }),
      );
    }
  };
  let at = 0;
  for (const length of pieces) {
    take(parser.push(bytes.subarray(at, at + length)));
    at += length;
  }
  take(parser.push(bytes.subarray(at)));
  take(parser.end());
  return { rows, parser };
}

describe('EdgeParser', () => {
  it('finds an edge among more blanks than it keeps of a line', () => {
    const blanks = ' '.repeat(70_000);
    for (const line of [`${blanks}1 2`, `${blanks}1 2${blanks}`, `1 2${blanks}`, `1${blanks}2`, blanks]) {
      // Whole, and in pieces of which some hold nothing but blanks.
      for (const pieces of [[], [30_000, 30_000, 30_000, 30_000], [65_536, 5_000]]) {
        expect(() => parse(`3 4\n${line}\n`, { pieces }), `${line.length} bytes in ${pieces.length} pieces`).toThrow(
          /line 2 is longer than 65536 bytes/,
        );
        expect(parse(`3 4\n${line}\n5 6`, { pieces, skipBad: true })).toMatchObject({
          rows: [{ source: 3n }, { source: 5n }],
          parser: { badLineCount: 1, firstBadLine: 2 },
        });
      }
    }
  });

  it('reads edges, comments, empty lines, tabs, carriage returns and a last line without an end', () => {
    const { rows, parser } = parse('# from to\n1 2\r\n\n  3\t4  \n   # more\n5 6');
    expect(rows).toEqual([
      { source: 1n, destination: 2n },
      { source: 3n, destination: 4n },
      { source: 5n, destination: 6n },
    ]);
    expect(parser).toMatchObject({ lineCount: 6, edgeCount: 3, badLineCount: 0 });
  });

  it('parses any 64-bit numbers, however the bytes are cut', () => {
    const row = fc.record({
      source: fc.bigInt(0n, maxId),
      destination: fc.bigInt(0n, maxId),
      position: fc.oneof(fc.bigInt(minInt64, maxInt64), fc.bigInt(-10n, 2n ** 53n)),
    });
    fc.assert(
      fc.property(fc.array(row), fc.array(fc.nat(50)), fc.boolean(), (rows, pieces, withPositions) => {
        const wanted = withPositions ? rows : rows.map(({ source, destination }) => ({ source, destination }));
        const text = wanted.map((each) => Object.values(each).join(' ')).join('\n');
        expect(parse(text, { pieces }).rows).toEqual(wanted);
      }),
    );
  });

  it.each([
    ['one column', '7'],
    ['a word', '1 two'],
    ['a negative id', '-1 2'],
    ['a fraction', '1.5 2'],
    ['not a number', 'NaN 2'],
    ['an id past 2^63 - 1', '9223372036854775808 2'],
    ['very many digits', `${'9'.repeat(400)} 2`],
    ['a lone minus', '1 2 -'],
    ['four columns', '1 2 3 4'],
    ['another number of columns', '1 2 3'],
    ['a line that does not end', '1'.repeat(200_000)],
  ])('refuses %s with its line number', (_, line) => {
    expect(() => parse(`# comment\n1 2\n${line}\n3 4\n`)).toThrow(/^edges\.txt: line 3 /);
    const { rows, parser } = parse(`# comment\n1 2\n${line}\n3 4\n`, { skipBad: true, pieces: [20, 40_000, 40_000] });
    expect(rows).toHaveLength(2);
    expect(parser).toMatchObject({ badLineCount: 1, firstBadLine: 3, lineCount: 4 });
  });
});
