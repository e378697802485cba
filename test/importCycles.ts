import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/**
 * Returns the cycles of imports among files. Each cycle lists its files in the order in which they import each other,
 * with the first file repeated at the end. Imports of types alone leave nothing at run time and make no cycle. Every
 * file that lies on a cycle is in at least one of the cycles returned.
 */
export function importCycles(files: readonly string[]): string[][] {
  const known = new Set(files);
  const cycles: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) cycles.push([...path.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    path.push(file);
    importedBy(file)
      .filter((each) => known.has(each))
      .forEach(visit);
    path.pop();
    done.add(file);
  };
  files.forEach(visit);
  return cycles;
}

/** The sources whose values a file imports or exports again. */
function importedBy(file: string): string[] {
  const { statements } = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  return statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    const from = statement.moduleSpecifier;
    if (from === undefined || !ts.isStringLiteral(from) || !from.text.startsWith('.') || ofTypesAlone(statement))
      return [];
    return [join(file, '..', from.text).replace(/\.js$/, '.ts')];
  });
}

function ofTypesAlone(statement: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(statement)) {
    const names = statement.exportClause;
    return (
      statement.isTypeOnly ||
      (names !== undefined && ts.isNamedExports(names) && names.elements.every((name) => name.isTypeOnly))
    );
  }
  const clause = statement.importClause;
  if (clause === undefined) return false;
  const names = clause.namedBindings;
  const onlyNames = clause.name === undefined && names !== undefined && ts.isNamedImports(names);
  return (
    clause.phaseModifier === ts.SyntaxKind.TypeKeyword || (onlyNames && names.elements.every((name) => name.isTypeOnly))
  );
}
