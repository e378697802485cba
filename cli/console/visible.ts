import { randomInt } from 'node:crypto';
import { styleText } from 'node:util';

/**
 * What a terminal or a log could take for a command, or that shows another order than it has: controls of C0 and C1 but tab and line feed, line and paragraph separators,
 * and the marks, embeddings, overrides and isolates of bidirectional text.
 */
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const jsonControls = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Our own styles carry a number, which terminals pass over, that no text from outside can know. */
const ours = randomInt(100_000_000, 1_000_000_000);
const ownStyle = new RegExp(`(\\u001b\\[${ours};[\\d;]+m)`, 'u');

/** The text with its control characters as escapes, such as `\x1b` and `\u202e`; styles by `style` stay. */
export const visible = (text: string): string =>
  text
    .split(ownStyle)
    .map((part, i) => (i % 2 === 1 ? part : part.replace(controls, escaped)))
    .join('');

/** The text as a terminal is to get it. Everything that a command prints for people passes here. */
export const forTerminal = (text: string): string => visible(text).replaceAll(`\u001b[${ours};`, '\u001b[');

/** JSON text with what JSON leaves as it is, and a terminal does not, as escapes of JSON. Controls stand in strings only. */
export const visibleJson = (json: string): string => json.replace(jsonControls, (each) => `\\u${hex(each, 4)}`);

export function style(format: 'bold' | 'dim' | 'green' | 'red', text: string, stream: NodeJS.WritableStream): string {
  const [on = '', off = ''] = styleText(format, '|', { stream }).split('|');
  const marked = (code: string): string => code.replaceAll('\u001b[', `\u001b[${ours};`);
  return `${marked(on)}${text}${marked(off)}`;
}

const hex = (character: string, digits: number): string => character.codePointAt(0)!.toString(16).padStart(digits, '0');
const escaped = (character: string): string =>
  character < '\u0100' ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
