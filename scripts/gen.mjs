// Compiles wire/idl/*.thrift into wire/gen (or the folder given as the argument) with Apache Thrift's compiler.
//
// The compiler takes 64-bit integers for node-int64 objects. Our protocol (wire) reads and writes bigint instead, and the
// declarations are changed to say so; the code itself never looks inside such a value.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const idl = join(root, 'wire', 'idl');
const target = resolve(process.argv[2] ?? join(root, 'wire', 'gen'));

// The compiler writes CommonJS for Node, on Thrift's library. Ours are ES modules on wire/thrift/runtime.js, which any bundler can take.
const inCode = [
  [/^"use strict";\n/gm, ''],
  [/^const Int64 = .*\n/gm, ''],
  [
    /^const thrift = require\('thrift'\);\nconst Thrift = thrift\.Thrift;$/gm,
    "import * as Thrift from '../thrift/runtime.js';",
  ],
  [/^const (\w+) = require\('(\.\/\w+)'\);$/gm, "import * as $1 from '$2.js';"],
  [/^const (\w+) = exports\.(\w+) = class \w+ ([^]*?\n\});$/gm, 'const $1 = class $1 $3;\nexport { $1 as $2 };'],
  // An answer that cannot be written, not even as an exception, would be a rejection that nobody handles, and the end of the process.
  [
    /(\n {8}result\.write\(output\);\n {8}output\.writeMessageEnd\(\);\n {8}output\.flush\(\);\n {6}\}\));/g,
    '$1.catch(err => output.abandon(err));',
  ],
];
/** In a module of structs, which are its exports and name each other. */
const inTypes = [
  [/^const ttypes = module\.exports = \{\};\n/gm, ''],
  [/^const (\w+) = module\.exports\.\1 = /gm, 'export const $1 = '],
  [/^ttypes\.(\w+) = /gm, 'export const $1 = '],
  [/\bttypes\./g, ''],
];
const inDeclarations = [
  [/\bInt64\b/g, 'bigint'],
  // Transports and protocols are ours, so that users of the package need no declarations of the library.
  [/^import (bigint|Q|thrift|Thrift) = .*\n/gm, ''],
  [/^import (\w+) = require\('(\.\/\w+)'\);$/gm, "import * as $1 from '$2.js';"],
  [/^\/\/\/ <reference .*\n/gm, ''],
  [/\{ new\(trans: thrift\.TTransport\): thrift\.TProtocol \}|\bthrift\.(TTransport|TProtocol)\b/g, 'object'],
  [/\bThrift\.TException\b/g, 'Error'],
  [/^declare /gm, 'export declare '],
  // The form with a callback of each method, which nothing uses.
  [/^ +\w+\(.*callback\?: .*\n\n?/gm, ''],
];

function changesOf(file) {
  if (file.endsWith('.d.ts')) return inDeclarations;
  return file.endsWith('_types.js') ? [...inCode, ...inTypes] : inCode;
}

const scratch = mkdtempSync(join(tmpdir(), 'roost-gen-'));
try {
  for (const file of readdirSync(idl))
    execFileSync('thrift', ['--out', scratch, '--gen', 'js:node,es6,ts', join(idl, file)], { stdio: 'inherit' });
  mkdirSync(target, { recursive: true });
  for (const file of readdirSync(scratch)) {
    let text = readFileSync(join(scratch, file), 'utf8');
    for (const [pattern, replacement] of changesOf(file)) text = text.replace(pattern, replacement);
    const left = /^.*(\brequire\(|\bexports\b).*$/m.exec(text);
    if (left !== null) throw new Error(`${file} is not an ES module yet: ${left[0]}`);
    text = `${text
      .replace(/[ \t]+$/gm, '')
      .replace(/\n{3,}/g, '\n\n')
      .trimEnd()}\n`;
    writeFileSync(join(target, file), text);
  }
} catch (error) {
  if (error.code !== 'ENOENT') throw error;
  process.stderr.write('The Thrift compiler is missing. On Debian or Ubuntu: apt-get install thrift-compiler\n');
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
