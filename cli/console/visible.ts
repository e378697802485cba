import { randomInt } from 'node:crypto';
import { styleText } from 'node:util';

/**
 * Characters that a terminal or a log could take for a command, or that reorder the text shown: controls of C0 and C1
 * except tab and line feed, line and paragraph separators, and the marks, embeddings, overrides and isolates of
 * bidirectional text.
 */
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const jsonControls = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Our own styles carry a number that terminals ignore and that no text from outside can know. */
const ours = randomInt(100_000_000, 1_000_000_000);
const ownStyle = new RegExp(`(\\u001b\\[${ours};[\\d;]+m)`, 'u');

/** The text with its control characters as escapes, such as `\x1b` and `\u202e`; styles by `style` stay. */
export const visible = (text: string): string =>
  text
    .split(ownStyle)
    .map((part, i) => (i % 2 === 1 ? part : part.replace(controls, escaped)))
    .join('');

/** The text as written to a terminal. All output of a command for people passes through here. */
export const forTerminal = (text: string): string => visible(text).replaceAll(`\u001b[${ours};`, '\u001b[');

/**
 * JSON text in which characters that JSON allows but a terminal could obey are JSON escapes. Controls occur in
 * strings only.
 */
export const visibleJson = (json: string): string => json.replace(jsonControls, (each) => `\\u${hex(each, 4)}`);

export function style(format: 'bold' | 'dim' | 'green' | 'red', text: string, stream: NodeJS.WritableStream): string {
  const [on = '', off = ''] = styleText(format, '|', { stream }).split('|');
  const marked = (code: string): string => code.replaceAll('\u001b[', `\u001b[${ours};`);
  return `${marked(on)}${text}${marked(off)}`;
}

const hex = (character: string, digits: number): string => character.codePointAt(0)!.toString(16).padStart(digits, '0');
const escaped = (character: string): string =>
  character < '\u0100' ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
