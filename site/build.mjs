// Builds the site: the documents, the command reference, the decisions, and a reference of the library made from its docstrings.
// `npm run site` calls it; the pages are in site/dist, and need no server: any host of static files will do.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, TSConfigReader } from 'typedoc';
import { build } from 'vitepress';

const site = dirname(fileURLToPath(import.meta.url));
const root = join(site, '..');
const pages = join(site, 'pages');
rmSync(pages, { recursive: true, force: true });
mkdirSync(pages, { recursive: true });

copyDocuments();
await makeReference();
await build(site);

/** Copies README.md and the documents. Links to files that are no pages lead to pages with their source. */
function copyDocuments() {
  const documents = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md']
    .concat(readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((file) => `docs/${file}`))
    .filter((file) => existsSync(join(root, file)));
  for (const file of documents.filter((file) => /\.(png|svg)$/.test(file)))
    cpSync(join(root, file), join(pages, file), { recursive: true });
  for (const file of documents.filter((file) => file.endsWith('.md')))
    write(pageOf(file), withLinks(file, escaped(readFileSync(join(root, file), 'utf8'))));
}

/** The page of a document: an index page for each README.md. */
function pageOf(file) {
  return file.replace(/(^|\/)README\.md$/, '$1index.md');
}

function withLinks(file, text) {
  return text.replace(/\]\((?![a-z]+:|#|\/)([^)\s#]+)(#[^)\s]*)?\)/g, (link, target, hash = '') => {
    const path = posix.normalize(posix.join(posix.dirname(file), target)).replace(/\/$/, '');
    const from = posix.dirname(pageOf(file));
    const to = (page) => `](${relativeLink(from, page)}${hash})`;
    if (/\.(png|svg)$/.test(path)) return link;
    if (path.endsWith('.md') && existsSync(join(root, path))) return to(pageOf(path));
    return existsSync(join(root, path)) ? to(sourcePage(path)) : link;
  });
}

function relativeLink(from, to) {
  const link = posix.relative(from, to);
  return link.startsWith('.') ? link : `./${link}`;
}

/** A page that shows a file of the repository, or lists a folder. */
function sourcePage(path) {
  const page = `source/${path}.md`;
  if (existsSync(join(pages, page))) return page;
  const entries = readdirOf(path);
  if (entries === undefined) {
    const language = path.includes('.') ? path.slice(path.lastIndexOf('.') + 1) : 'txt';
    write(page, `# ${path}\n\n\`\`\`\`${language}\n${readFileSync(join(root, path), 'utf8')}\n\`\`\`\`\n`);
  } else {
    write(page, '');
    const links = entries.map(
      (name) => `- [${name}](${relativeLink(posix.dirname(page), sourcePage(`${path}/${name}`))})`,
    );
    write(page, `# ${path}\n\n${links.join('\n')}\n`);
  }
  return page;
}

function readdirOf(path) {
  try {
    return readdirSync(join(root, path)).filter((name) => name !== 'node_modules');
  } catch {
    return undefined;
  }
}

/** Vue would take `<host>` for an element and `{{` for an expression, outside of code. */
function escaped(text) {
  return text
    .split(/(^```[\s\S]*?^```|^(?: {4}.*\n?)+|`[^`\n]*`)/m)
    .map((part, i) => (i % 2 === 1 ? part : part.replace(/<(?=[a-zA-Z/])/g, '&lt;').replaceAll('{{', '&#123;&#123;')))
    .join('');
}

function write(page, text) {
  const path = join(pages, page);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** One page for each entry of the package, from the docstrings of what it exports. */
async function makeReference() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const entryPoints = Object.values(exports)
    .filter((entry) => entry.default !== undefined)
    .map(({ default: file }) => join(root, file.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts')));
  const app = await Application.bootstrapWithPlugins(
    {
      plugin: [fileURLToPath(import.meta.resolve('typedoc-plugin-markdown'))],
      out: join(pages, 'reference'),
      entryPoints,
      tsconfig: join(root, 'tsconfig.json'),
      basePath: root,
      readme: 'none',
      excludeInternal: true,
      excludePrivate: true,
      disableSources: true,
      skipErrorChecking: true,
      logLevel: 'Error',
      router: 'module',
      entryFileName: 'index',
      hideBreadcrumbs: true,
      hidePageHeader: true,
    },
    [new TSConfigReader()],
  );
  const project = await app.convert();
  if (project === undefined) throw new Error('the reference could not be made');
  const made = join(pages, 'reference');
  await app.generateOutputs(project);
  for (const file of readdirSync(made, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))) {
    const page = relative(pages, join(made, file));
    write(page, escaped(readFileSync(join(made, file), 'utf8')));
  }
}
