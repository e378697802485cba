import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorReference } from './errorReference.js';

it('is what docs/errors.md says (write it with -u)', async () => {
  await expect(errorReference()).toMatchFileSnapshot(join(import.meta.dirname, '../docs/errors.md'));
});
