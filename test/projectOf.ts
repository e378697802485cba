import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** A test that reaches one of these files needs servers. */
const needsServers = /^(test\/support\/(?!leaks|noServers)|playground\/startPlayground\.ts$)/;

/**
 * The files whose imports are followed: tests, their shared code, the playground and the cluster for tests. Other
 * code starts no servers.
 */
const followed = /^(test|testing|playground)\/|\.test\.ts$/;

/** Matches a value's import in any form; imports of types alone are gone when the test runs. */
const imports =
  /^(?:import|export)\s+(?!type\b)(?:[^'"]*?\bfrom\s+)?'((?:\.|roostdb\/)[^']+)'|\bimport\(\s*'(\.[^']+)'\s*\)/gm;

/**
 * Returns the project of a test, from the file and all its imports:
 * - long: x.long.test.ts, only with `npm run test:long`
 * - integration: reaches test/support or the playground's start, through any number of files; one shared playground
 * is started for all of them
 * - unit: every other test; needs no server, and test/support/noServers.ts refuses one
 */
export function projectOf(root: string, file: string): 'long' | 'integration' | 'unit' {
  if (file.endsWith('.long.test.ts')) return 'long';
  const seen = new Set<string>();
  const reaches = (path: string): boolean => {
    if (needsServers.test(path)) return true;
    if (seen.has(path) || !followed.test(path)) return false;
    seen.add(path);
    return importsOf(root, path).some(reaches);
  };
  return reaches(file) ? 'integration' : 'unit';
}

function importsOf(root: string, file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return Array.from(text.matchAll(imports), ([, plain, dynamic]) => {
    const imported = (plain ?? dynamic)!;
    if (imported.startsWith('roostdb/')) return `${imported.slice('roostdb/'.length)}/index.ts`;
    return relative(root, join(root, file, '..', imported.replace(/\.js$/, '.ts'))).replaceAll('\\', '/');
  }).filter((path) => existsSync(join(root, path)));
}
