import { pino, type Logger } from 'pino';
import { cutText, limits } from '../core/index.js';

export type Log = Logger;

/** Structured lines on stderr; stdout is for a command's output. */
export const createLog = (level: string, destination: NodeJS.WritableStream = process.stderr): Log =>
  pino(
    { level, base: null, serializers: { err: (error: Error) => cutStrings(pino.stdSerializers.errWithCause(error)) } },
    destination,
  );

/** For libraries used without a log. */
export const silentLog: Log = pino({ level: 'silent' });

/** Errors of drivers contain whole statements. */
function cutStrings(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return cutText(value, 2 * limits.errorTextBytes);
  if (typeof value !== 'object' || value === null || depth > 8 || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.slice(0, limits.errorFields).map((entry) => cutStrings(entry, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, cutStrings(entry, depth + 1)]));
}
