import { RoostError } from '../core/index.js';
import type { ServerState } from './state.js';

export const logTailLines = 20;

/** @param lastError what the server last answered, where it ran but did not become ready */
export function notStarted(server: ServerState, log: string, lastError?: unknown): RoostError {
  const answer = lastError instanceof Error ? ` (${lastError.message})` : '';
  const tail = log.trimEnd().split('\n').slice(-logTailLines).join('\n');
  return new RoostError('FailedPrecondition', `${server.name} did not start${answer}. The end of its log:\n${tail}`, {
    fields: { server: server.name, port: server.port },
    cause: lastError,
  });
}
