// Compiles rpc/idl/*.thrift into rpc/gen (or the folder given as the argument) with Apache Thrift's compiler.
//
// The compiler takes 64-bit integers for node-int64 objects. Our protocol (rpc/wire) reads and writes bigint instead, and the
// declarations are changed to say so; the code itself never looks inside such a value.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const idl = join(root, 'rpc', 'idl');
const target = resolve(process.argv[2] ?? join(root, 'rpc', 'gen'));

const inCode = [
  [/^const Int64 = .*\n/gm, ''],
  // An answer that cannot be written, not even as an exception, would be a rejection that nobody handles, and the end of the process.
  [/(\n {8}result\.write\(output\);\n {8}output\.writeMessageEnd\(\);\n {8}output\.flush\(\);\n {6}\}\));/g, '$1.catch(err => output.abandon(err));'],
];
const inDeclarations = [
  [/\bInt64\b/g, 'bigint'],
  // Transports and protocols are ours, so that users of the package need no declarations of the library.
  [/^import (bigint|Q|thrift|Thrift) = .*\n/gm, ''],
  [/\{ new\(trans: thrift\.TTransport\): thrift\.TProtocol \}|\bthrift\.(TTransport|TProtocol)\b/g, 'object'],
  [/\bThrift\.TException\b/g, 'Error'],
  [/^declare /gm, 'export declare '],
  // The form with a callback of each method, which nothing uses.
  [/^ +\w+\(.*callback\?: .*\n\n?/gm, ''],
];

const scratch = mkdtempSync(join(tmpdir(), 'roost-gen-'));
try {
  for (const file of readdirSync(idl)) execFileSync('thrift', ['--out', scratch, '--gen', 'js:node,es6,ts', join(idl, file)], { stdio: 'inherit' });
  mkdirSync(target, { recursive: true });
  for (const file of readdirSync(scratch)) {
    let text = readFileSync(join(scratch, file), 'utf8');
    for (const [pattern, replacement] of file.endsWith('.d.ts') ? inDeclarations : inCode) text = text.replace(pattern, replacement);
    text = `${text.replace(/[ \t]+$/gm, '').replace(/\n{3,}/g, '\n\n').trimEnd()}\n`;
    writeFileSync(join(target, file), text);
  }
  // The generated code is CommonJS inside a package of ES modules.
  writeFileSync(join(target, 'package.json'), '{\n  "type": "commonjs"\n}\n');
} catch (error) {
  if (error.code !== 'ENOENT') throw error;
  process.stderr.write('The Thrift compiler is missing. On Debian or Ubuntu: apt-get install thrift-compiler\n');
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
