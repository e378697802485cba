import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

export interface Reached {
  readonly files: readonly string[];
  /** Packages, and Node's own modules as `node:…`. */
  readonly packages: readonly string[];
}

/** Returns everything that a file reaches through its imports and theirs, types included. */
export function reachedFrom(entry: string): Reached {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8'), true, true).importedFiles) {
      if (fileName.startsWith('.')) formsOf(join(file, '..', fileName), file).forEach(visit);
      else packages.add(fileName);
    }
  };
  visit(entry);
  return { files: [...files], packages: [...packages].sort() };
}

/**
 * Returns the forms of a module that the importing file sees: declarations see declarations, sources see sources, and
 * generated code with its declarations.
 */
function formsOf(module: string, importing: string): string[] {
  const stem = module.replace(/\.js$/, '');
  const endings = importing.endsWith('.js')
    ? ['.js']
    : importing.endsWith('.d.ts')
      ? ['.d.ts']
      : ['.ts', '.js', '.d.ts'];
  const found = endings.map((ending) => stem + ending).filter((path) => existsSync(path));
  if (found.length === 0) throw new Error(`${importing} imports ${module}, which is not there`);
  return found;
}
