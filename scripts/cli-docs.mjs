// Writes docs/cli.md from the compiled commands. Run it after a change to a command: `npm run build && node scripts/cli-docs.mjs`.
import { writeFileSync } from 'node:fs';
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
writeFileSync(new URL('../docs/cli.md', import.meta.url), cliReference(buildProgram(io)));
