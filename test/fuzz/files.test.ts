import { afterAll, describe, expect, it } from 'vitest';
import { isRoostError } from '../../core/index.js';
import { seededRandom } from '../moving/seededRandom.js';
import { fileForms } from './files.js';
import { TextFuzzer } from './textFuzzer.js';

// Gives almost right files to every file format that is read. Each file is read, or refused with an error that says
// what is wrong with it.

const files = Number(process.env['ROOST_TEST_FRAMES'] ?? 300);
const seed = Number(process.env['ROOST_TEST_SEED'] ?? 1);
const codes = ['InvalidArgument', 'DataLoss', 'FailedPrecondition', 'NotFound'];
const { forms, remove } = fileForms();
afterAll(remove);

describe.each(forms)('$name', ({ samples, read }) => {
  it('is read when it is valid', async () => {
    for (const sample of samples) await read(Buffer.from(sample));
  });

  it(
    'is read or refused when it is damaged',
    async () => {
      const fuzzer = new TextFuzzer(seededRandom(seed));
      let refused = 0;
      for (let n = 0; n < files; n++) {
        const bytes = fuzzer.next(samples);
        try {
          await read(bytes);
        } catch (error) {
          refused++;
          const shown = bytes.toString('latin1').slice(0, 1_000);
          expect(isRoostError(error), `seed ${seed}, file ${n}: ${String(error)}: ${shown}`).toBe(true);
          expect(codes, `seed ${seed}, file ${n}: ${String(error)}: ${shown}`).toContain(
            (error as { code: string }).code,
          );
          expect((error as Error).message.length, shown).toBeLessThan(300_000);
        }
      }
      expect(refused).toBeGreaterThan(files / 10);
    },
    60_000 + files,
  );
});
