import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const guide = readFileSync(join(root, 'docs/guides/small-twitter.md'), 'utf8');
const withoutBlankLines = (text: string): string => text.replace(/\n\s*\n/g, '\n').trim();

it.each(['app.ts', 'app.test.ts', 'main.ts'])('shows the whole of %s from the example that CI runs', (file) => {
  const fences = Array.from(guide.matchAll(/^```ts\n\/\/ (\S+)\n(.*?)^```$/gms)).filter(([, name]) => name === file);
  expect(withoutBlankLines(fences.map(([, , code]) => code).join('\n'))).toBe(
    withoutBlankLines(readFileSync(join(root, 'examples/small-twitter', file), 'utf8')),
  );
});
