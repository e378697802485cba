import { pino, type Logger } from 'pino';

export type Log = Logger;

/** Structured lines on stderr, so that stdout stays free for what a command prints. */
export const createLog = (level: string, destination: NodeJS.WritableStream = process.stderr): Log =>
  pino({ level, base: null, serializers: { err: pino.stdSerializers.errWithCause } }, destination);

/** For libraries used without a log. */
export const silentLog: Log = pino({ level: 'silent' });
