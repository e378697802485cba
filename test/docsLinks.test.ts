import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const documents = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter((file) => file !== '' && existsSync(join(root, file)));
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8').replace(/^```.*?^```/gms, '');

/** Returns the names by which links reach the headings of a text. */
const anchorsOf = (text: string): ReadonlySet<string> =>
  new Set(
    Array.from(text.matchAll(/^#+ (.*)$/gm), ([, heading]) =>
      heading!
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_\- ]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );

/** Returns the links of a document, without those to other sites, that lead to no file or to no heading. */
const deadLinks = (file: string, text: string): string[] =>
  Array.from(text.matchAll(/\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]*))?\)/g)).flatMap(([, path, anchor]) => {
    const target = path === '' ? file : normalize(join(dirname(file), path!));
    const isThere =
      existsSync(join(root, target)) &&
      (anchor === undefined || !target.endsWith('.md') || anchorsOf(textOf(target)).has(anchor));
    return isThere ? [] : [`${path}${anchor === undefined ? '' : `#${anchor}`}`];
  });

it('finds links to missing files and headings', () => {
  const links =
    '[a](docs/none.md) [b](LICENSE) [c](docs/graph.md#none) [d](docs/graph.md#flockdbs-clients) [e](https://a.b)';
  expect(deadLinks('README.md', links)).toEqual(['docs/none.md', 'docs/graph.md#none']);
});

it.each(documents)('%s has no dead links', (file) => {
  expect(deadLinks(file, textOf(file))).toEqual([]);
});
