import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DumpVerifier, withChecksum } from './dumpChecksum.js';
import { dumpFormats } from './edgeText.js';

function verify(text: string, pieces: readonly number[] = []): void {
  const verifier = new DumpVerifier('dump');
  const bytes = Buffer.from(text, 'latin1');
  let at = 0;
  for (const length of pieces) {
    verifier.push(bytes.subarray(at, at + length));
    at += length;
  }
  verifier.push(bytes.subarray(at));
  verifier.end();
}

const block = fc.array(fc.stringMatching(/^[0-9]{1,5} [0-9]{1,5}$/), { minLength: 1, maxLength: 5 });

it.each(dumpFormats)(
  'accepts any %s dump, however its bytes are cut, and none with a flipped bit after the first line',
  (format) => {
    fc.assert(
      fc.property(
        fc.array(block, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(40)),
        fc.nat(),
        fc.nat(6),
        (blocks, pieces, place, bit) => {
          const text = blocks
            .map((lines) => withChecksum(lines.map((line) => `${line}\n`).join(''), lines.length, format))
            .join('');
          verify(text, pieces);
          const bytes = Buffer.from(text);
          const first = text.indexOf('\n') + 1;
          bytes[first + (place % (bytes.length - first))]! ^= 1 << bit;
          expect(() => verify(bytes.toString('latin1'), pieces)).toThrow(
            expect.objectContaining({ code: 'DataLoss' }) as Error,
          );
        },
      ),
    );
  },
);

it('names the lines of the block that is damaged, and lines that stand in none', () => {
  const whole = withChecksum('1 2\n3 4\n', 2, 'edges');
  expect(() => verify(whole + withChecksum('5 6\n7 8\n', 2, 'edges').replace('7 8', '7 9'))).toThrow(
    /^dump: lines 5 to 6 are not as they were dumped: their checksum is [0-9a-f]+, and line 4 says/,
  );
  expect(() => verify(`${whole}5 6\n`)).toThrow('dump: line 4 has no checksum');
  expect(() => verify(whole.slice(0, -4))).toThrow('the file ends 4 bytes early');
});

it('accepts files that do not begin with a checksum', () => {
  expect(() => verify(`1 2\n${withChecksum('3 4\n', 1, 'edges').replace('3', '5')}`)).not.toThrow();
  expect(() => verify('')).not.toThrow();
});
