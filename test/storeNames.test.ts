import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

/** Code that all stores share. */
const shared =
  /^(?:access|backup|cache|cli|cluster|core|gizzard|mysql|playground|process|redis|sdk|server)\/.*\.(?:ts|lua)$/;

/** A store's own files in shared folders: its commands and its client. */
const ofStores =
  /^cli\/(?:flock|graph\w*|lookup|load|quickstart|tweets|users|timelines|stores)\.ts$|^cli\/(?:flock|edges|quickstart|tweets|timelines)\/|^sdk\/(?:(?:tweets|users|timelines)Client|graph\w*|nodeQuery|services|index)\.ts$/;

/** Shared files that still name a store, and why. */
const allowed: Readonly<Record<string, string>> = {
  'core/limits.ts': 'all limits stand in one file, which checks their relations',
  'gizzard/control/controlStore.ts': 'control tables of tweets: a process without that store must copy them too',
  'gizzard/control/controlTables.ts': 'the same',
};

const storeName = /flock(?!db_client)|tbird|tweet|timeline|(?<=['"`])users(?=['"`])|users(?=Store|Port|Config)/i;
/** An example in a help text, or a command to run. */
const example = /roost [a-z]|^\s*["'`].*replicating\(/;

/** The lines of a file that name a store outside of comments and examples. */
function namesIn(file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8').replace(/\/\*[^]*?\*\//g, (comment) =>
    comment.replace(/[^\n]/g, ''),
  );
  return text.split('\n').flatMap((line, i) => {
    const code = line.replace(/^\s*(?:\/\/|--).*| \/\/ .*/, '');
    return storeName.test(code) && !example.test(code) ? [`${file}:${i + 1}: ${code.trim()}`] : [];
  });
}

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => shared.test(file) && !file.endsWith('.test.ts') && !ofStores.test(file));

it('names a store in its own files, and in the line that registers it', () => {
  expect(files.length).toBeGreaterThan(300);
  expect(files.filter((file) => !Object.hasOwn(allowed, file)).flatMap(namesIn)).toEqual([]);
});

it('allows no file that names no store any more', () => {
  expect(Object.keys(allowed).filter((file) => !files.includes(file) || namesIn(file).length === 0)).toEqual([]);
});
