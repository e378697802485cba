// Writes docs/cli.md and docs/cli/ from the compiled commands. Run it after a change to a command: `npm run build && node scripts/cli-docs.mjs`.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { buildProgram } from '../dist/cli/program.js';
import { cliReference } from '../dist/cli/cliReference.js';
import { stores } from '../dist/cli/stores.js';

const io = {
  stores,
  stdout: new PassThrough(),
  stderr: new PassThrough(),
  environment: {},
  workingFolder: process.cwd(),
  signal: new AbortController().signal,
};
const docs = new URL('../docs/', import.meta.url);
rmSync(new URL('cli/', docs), { recursive: true, force: true });
mkdirSync(new URL('cli/', docs));
for (const { file, text } of cliReference(buildProgram(io))) writeFileSync(new URL(file, docs), text);
