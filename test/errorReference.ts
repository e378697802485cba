import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { errorCodes, type ErrorCode, RoostError } from '../core/index.js';
import { exitCodes } from '../cli/console/exitCodes.js';

const root = join(import.meta.dirname, '..');

/** What a code means to a caller. */
const meanings: Record<ErrorCode, string> = {
  InvalidArgument: 'The call is wrong, and stays wrong: change it.',
  NotFound: 'The thing that the call names does not exist.',
  AlreadyExists: 'A thing of that name or id exists, with other content.',
  FailedPrecondition:
    'The system is in a state in which the call cannot be done. Somebody has to change that first; the message says how.',
  Unavailable: 'Servers that the call needs do not answer. A write may have happened all the same.',
  DeadlineExceeded: 'The deadline passed. A write may have happened all the same.',
  Overloaded: 'The server has too much to do, or a queue is full. Nothing happened. Wait for `retryAfterMs`.',
  Conflict: 'Somebody else changed the same thing at the same time. Nothing happened.',
  DataLoss: 'Stored data is not as it must be. The message names the place.',
  Unauthenticated: 'The server does not know who calls: no token or certificate, or a wrong one.',
  PermissionDenied: 'The server knows who calls, and that identity may not do this.',
  Internal: 'A fault in Roost. Report it.',
};

/** docs/errors.md, made from the code: each code, and each message that ends with it. */
export function errorReference(): string {
  const messages = new Map<ErrorCode, Set<string>>(errorCodes.map((code) => [code, new Set()]));
  for (const file of sources()) for (const [code, message] of thrownIn(file)) messages.get(code)!.add(message);
  const sections = errorCodes.map((code) => {
    const { retryable } = new RoostError(code, '');
    return [
      `## ${code}`,
      '',
      `${meanings[code]} ${retryable ? 'A retry may help.' : 'A retry does not help.'} The command line exits with ${exitCodes[code]}.`,
      '',
      ...[...messages.get(code)!].sort(byLetters).map((message) => `- ${message}`),
    ].join('\n');
  });
  return `# Errors

Every error of Roost is a \`RoostError\`, in the library, over the wire and on the command line. Branch on its \`code\`, never on its text. \`fields\` name what it is about, \`retryable\` says whether the same call may
succeed later, and \`retryAfterMs\` how long to wait. [client.md](client.md) says what an error means for a write.

A test makes this page from the code. … stands for a value.

${sections.join('\n\n')}
`;
}

/** Messages with fewer are made of values alone. */
const leastLetters = 8;

const byLetters = (a: string, b: string): number => letters(a).localeCompare(letters(b), 'en');
const letters = (text: string): string => text.replace(/[^a-z]/gi, '');

function sources(): string[] {
  return execFileSync('git', ['ls-files', '*.ts'], { cwd: root, encoding: 'utf8' })
    .trim()
    .split('\n')
    .filter((file) => !/\.test\.ts$|^(test|bench|examples|scripts|wire\/gen)\//.test(file));
}

function* thrownIn(file: string): Generator<[ErrorCode, string]> {
  const text = readFileSync(join(root, file), 'utf8');
  if (!text.includes('RoostError(')) return;
  const found: [ErrorCode, string][] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && node.expression.getText() === 'RoostError') {
      const [code, message] = node.arguments ?? [];
      const shown = message && shownText(message);
      if (code && ts.isStringLiteral(code) && shown !== undefined && letters(shown).length >= leastLetters)
        found.push([code.text as ErrorCode, shown]);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  yield* found;
}

/** The text of a message with … for its values; undefined where it is a value altogether. */
function shownText(expression: ts.Expression): string | undefined {
  if (ts.isStringLiteralLike(expression)) return oneLine(expression.text);
  if (ts.isTemplateExpression(expression))
    return oneLine([expression.head.text, ...expression.templateSpans.map(({ literal }) => literal.text)].join('…'));
  if (ts.isBinaryExpression(expression)) {
    const [left, right] = [shownText(expression.left), shownText(expression.right)];
    return left === undefined && right === undefined ? undefined : `${left ?? '…'}${right ?? '…'}`;
  }
  return undefined;
}

const oneLine = (text: string): string =>
  text
    .replace(/\s*\n\s*/g, ' ')
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;');
