import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { RoostError } from '../../core/index.js';
import type { CliIo } from './cliIo.js';
import { Output, toJson } from './output.js';
import { reportError } from './reportError.js';

const nasty = 'a\u001b[2J\u001b]0;title\u0007\r\u009b31mb\u202egnp.exe\u2066\u0000';
const shown = 'a\\x1b[2J\\x1b]0;title\\x07\\x0d\\x9b31mb\\u202egnp.exe\\u2066\\x00';

/** A terminal with colors. */
function terminal() {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()].map((stream) =>
    Object.assign(stream, { isTTY: true, columns: 200, getColorDepth: () => 8, hasColors: () => true }),
  ) as unknown as [PassThrough, PassThrough];
  const io: CliIo = {
    stdout,
    stderr,
    environment: {},
    stores: [],
    workingFolder: '/',
    signal: new AbortController().signal,
  };
  return { io, said: () => String(stdout.read() ?? ''), complained: () => String(stderr.read() ?? '') };
}

it('escapes control characters in results, notes, tables and errors, and keeps our own styles', () => {
  const { io, said, complained } = terminal();
  const output = new Output(io, false);
  output.result({}, () => `${output.bold('bold')} ${nasty}`, [nasty]);
  expect(said()).toBe(`\u001b[1mbold\u001b[22m ${shown}\n\u001b[2mnext: ${shown}\u001b[22m\n`);
  output.note(`${output.red(nasty)}\u001b[31m`);
  expect(said()).toBe(`\u001b[31m${shown}\u001b[39m\\x1b[31m\n`);
  output.result({}, () =>
    output.table(
      ['text', 'n'],
      [
        [`${nasty}\tx`, 7],
        ['\u001b[31mred\u001b[39m', 12],
      ],
    ),
  );
  const table = said();
  expect(table.split('\u001b').map((part) => /^\[(2|22)m/.exec(part)?.[1] ?? '')).toEqual(['', '2', '22', '2', '22']);
  expect(table).toContain(shown);
  expect(table).toContain('\\x1b[31mred\\x1b[39m');
  reportError(new RoostError('InvalidArgument', nasty), io, { json: false, verbose: true });
  expect(complained()).toMatch(/^\u001b\[31mroost:\u001b\[39m a\\x1b\[2J[^\u001b\u009b\u202e\r]+$/u);
});

it('escapes control characters in JSON, which stays valid', () => {
  const json = toJson({ text: nasty, at: 1n });
  expect(json).toMatch(/^[\u0020-\u007e]+$/u);
  expect(JSON.parse(json)).toEqual({ text: nasty, at: '1' });
});
