// Compiles rpc/idl/*.thrift into rpc/gen (or the folder given as the argument) with Apache Thrift's compiler.
//
// The compiler writes 64-bit integers as node-int64 objects. Our protocol (rpc/wire) reads and writes bigint instead, so the
// declarations are changed to say so; the code itself never looks inside such a value.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const idl = join(root, 'rpc', 'idl');
const target = resolve(process.argv[2] ?? join(root, 'rpc', 'gen'));

const dropped = [
  /^const Int64 = .*\n/gm,
  /^import (Int64|Q) = .*\n/gm,
  // The form with a callback of each method, which nothing uses.
  /^ +\w+\(.*callback\?: .*\n\n?/gm,
];

const scratch = mkdtempSync(join(tmpdir(), 'roost-gen-'));
try {
  for (const file of readdirSync(idl)) execFileSync('thrift', ['--out', scratch, '--gen', 'js:node,es6,ts', join(idl, file)], { stdio: 'inherit' });
  mkdirSync(target, { recursive: true });
  for (const file of readdirSync(scratch)) {
    let text = readFileSync(join(scratch, file), 'utf8');
    for (const pattern of dropped) text = text.replace(pattern, '');
    if (file.endsWith('.d.ts')) text = text.replace(/\bInt64\b/g, 'bigint');
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
