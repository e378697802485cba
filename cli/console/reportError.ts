import { inspect } from 'node:util';
import { RoostError } from '../../core/index.js';
import type { CliIo } from './cliIo.js';
import { exitCodes, signalExitCodes, type StopSignal } from './exitCodes.js';
import { formatMs, toJson } from './output.js';
import { forTerminal, style } from './visible.js';

export interface ReportOptions {
  readonly json: boolean;
  /** Prints the stack and every cause. */
  readonly verbose: boolean;
}

/** Says on stderr what happened and what to do next. Returns the exit code. */
export function reportError(error: unknown, io: CliIo, { json, verbose }: ReportOptions): number {
  if (io.signal.aborted && !(error instanceof RoostError && error.code === 'DataLoss')) {
    const signal = io.signal.reason as StopSignal;
    if (json) io.stderr.write(`${toJson({ error: { code: 'Interrupted', message: `stopped by ${signal}` } })}\n`);
    else io.stderr.write(`roost: stopped by ${signal}\n`);
    return signalExitCodes[signal] ?? signalExitCodes.SIGTERM;
  }
  const known = RoostError.from(error);
  const next = nextStep(known);
  if (json) {
    io.stderr.write(`${toJson({ error: { ...known.toWire(), next } })}\n`);
  } else {
    const label = style('red', 'roost:', io.stderr);
    io.stderr.write(forTerminal(`${label} ${known.message}\n${next === undefined ? '' : `  ${next}\n`}`));
  }
  if (verbose) io.stderr.write(forTerminal(`${inspect(known, { depth: 8 })}\n`));
  return exitCodes[known.code];
}

/** What the user can do about an error, if its message does not say so. */
function nextStep(error: RoostError): string | undefined {
  switch (error.code) {
    case 'Unavailable': {
      if (!error.retryable) return undefined;
      const { host, port, journaled, shard, service } = error.fields;
      if (journaled !== undefined)
        return 'It is applied when its shard takes it: `roost job show high` shows what waits, and why. Repeating the command is safe.';
      if (shard !== undefined)
        return `\`roost shard tree ${shard}\` shows what stands above it, and \`roost ping\` which servers are there.`;
      if (host !== undefined && port === undefined)
        return `Does databaseHosts.${host} stand right in the configuration, and is it running? \`roost playground status\` shows the local servers.`;
      if (service === 'redis')
        return 'Do redis.host, redis.port and redis.password stand right in the configuration, and is it running? `roost playground status` shows the local servers.';
      return 'Is a server running? `roost serve` starts one, and --server names another. Repeating the command is safe.';
    }
    case 'DeadlineExceeded':
      return 'A write may have happened all the same; it is safe to repeat the command.';
    case 'Overloaded':
      return `Repeat the command ${error.retryAfterMs === undefined ? 'later' : `after ${formatMs(error.retryAfterMs)}`}; nothing was written.`;
    case 'Conflict':
      return 'Somebody else changed the same thing: repeat the command.';
    case 'Internal':
      return 'This is a fault in Roost itself. Repeat the command with --verbose, and report what it prints.';
    case 'NotFound':
      return error.fields['graph'] === undefined
        ? undefined
        : '`roost graph list` shows the graphs there are; `roost graph create` makes one.';
    default:
      return undefined;
  }
}
