import type { WriteStream } from 'node:tty';
import type { Store } from './store.js';

/** What a command sees of the world, so that tests can run commands in their own process. */
export interface CliIo {
  readonly stdout: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;
  readonly stderr: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;
  /** Where a command asks something of the user; absent where nobody can be asked. */
  readonly stdin?: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly environment: NodeJS.ProcessEnv;
  /** The stores that commands serve and look after. */
  readonly stores: readonly Store[];
  /** Relative paths start here. */
  readonly workingFolder: string;
  /** Aborted, with the signal's name as reason, when the user wants the command to end. */
  readonly signal: AbortSignal;
}
