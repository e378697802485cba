import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';

const pages = join(dirname(fileURLToPath(import.meta.url)), '../pages');

const titleOf = (page) => /^# (.*)$/m.exec(readFileSync(join(pages, page), 'utf8'))?.[1].replaceAll('`', '') ?? page;
const link = (page, text = titleOf(page)) => ({ text, link: `/${page.replace(/(index)?\.md$/, '')}` });
const pagesIn = (folder) =>
  readdirSync(join(pages, folder))
    .filter((name) => name.endsWith('.md') && name !== 'index.md')
    .map((name) => link(`${folder}/${name}`));
const group = (text, items, collapsed = false) => ({ text, items, collapsed });

export default defineConfig({
  title: 'Roost',
  description: 'The storage layer under a Twitter: sharded MySQL, the social graph, tweets, caches and timelines.',
  srcDir: 'pages',
  outDir: 'dist',
  // The path below which the pages are served.
  base: process.env.ROOST_SITE_BASE ?? '/',
  cleanUrls: false,
  lastUpdated: false,
  markdown: { languageAlias: { thrift: 'c', license: 'txt' } },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Guides', link: '/docs/guides/small-twitter' },
      { text: 'Commands', link: '/docs/cli' },
      { text: 'Reference', link: '/reference/' },
      { text: 'Decisions', link: '/docs/decisions/' },
      { text: 'Changes', link: '/CHANGELOG' },
    ],
    sidebar: [
      group('Begin', [link('index.md', 'Roost'), ...pagesIn('docs/guides'), link('ARCHITECTURE.md')]),
      group(
        'Use',
        ['client', 'graph', 'tweets', 'timelines', 'caches', 'limits', 'errors', 'glossary'].flatMap(existing),
      ),
      group(
        'Operate',
        [
          'deploy',
          'runbook',
          'dashboard',
          'security',
          'backup',
          'journal',
          'name-server',
          'performance',
          'gizzmo',
        ].flatMap(existing),
      ),
      group('Runbook', pagesIn('docs/runbooks'), true),
      group('Commands', pagesIn('docs/cli'), true),
      group('Decisions', pagesIn('docs/decisions'), true),
      group('Project', [
        link('CONTRIBUTING.md'),
        link('docs/contributing.md'),
        link('docs/dependencies.md'),
        link('SECURITY.md'),
      ]),
    ],
  },
});

function existing(name) {
  try {
    return [link(`docs/${name}.md`)];
  } catch {
    return [];
  }
}
