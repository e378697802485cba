import type { WriteStream } from 'node:tty';
import type { Store } from './store.js';

/** A command's surroundings, so that tests can run commands in their own process. */
export interface CliIo {
  readonly stdout: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;
  readonly stderr: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;
  /** The user's terminal; absent if nobody can be asked. */
  readonly stdin?: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly environment: NodeJS.ProcessEnv;
  /** The stores that commands serve and manage. */
  readonly stores: readonly Store[];
  /** The base of relative paths. */
  readonly workingFolder: string;
  /** Aborted when the user ends the command; the reason is the signal's name. */
  readonly signal: AbortSignal;
  /** Makes SIGHUP call the listener instead of ending the command. Absent if signals do not reach the command. */
  readonly onHangup?: (listener: () => void) => void;
}
