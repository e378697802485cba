import type { PlaygroundSource, PlaygroundState, ServerState } from './state.js';

export interface StartServerOptions {
  /** Whether a port that has been taken is replaced by another; otherwise it is waited for. */
  readonly mayMove: boolean;
  /** Writes the state down. Called as soon as there is something to clean up. */
  readonly save: () => void;
  /** Told of what takes long, in words for a person. */
  readonly onStep: (step: string) => void;
}

/** What differs between servers that are processes of this machine and servers that are containers. */
export interface ServerDriver {
  readonly source: PlaygroundSource;
  /** Makes the data that databases need before their first start. Leaves what is already there. */
  prepareDatabases(state: PlaygroundState): Promise<void>;
  /** Starts one server on its data and returns when it answers. */
  start(state: PlaygroundState, server: ServerState, options: StartServerOptions): Promise<void>;
  isAlive(server: ServerState): Promise<boolean>;
  kill(server: ServerState): Promise<void>;
  pause(server: ServerState): Promise<void>;
  resume(server: ServerState): Promise<void>;
  /** Ends the server cleanly, or by force after `graceMs`. Does nothing to one that does not run. */
  stop(server: ServerState, graceMs: number): Promise<void>;
  /** Ends servers that a killed starter left and that the state does not know. */
  sweep(state: PlaygroundState): Promise<void>;
  /** Removes data that stands outside the playground's folder. */
  removeData(): Promise<void>;
}
