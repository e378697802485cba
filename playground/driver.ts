import type { PlaygroundSource, PlaygroundState, ServerState } from './state.js';

export interface StartServerOptions {
  /** True: a port that is taken is replaced by another. False: waits for the port. */
  readonly mayMove: boolean;
  /** Saves the state. Called as soon as there is something to clean up. */
  readonly save: () => void;
  /** Called with each slow step, in words for people. */
  readonly onStep: (step: string) => void;
}

/** The operations that differ between servers as processes of this machine and servers in containers. */
export interface ServerDriver {
  readonly source: PlaygroundSource;
  /** Creates the data that databases need before their first start. Leaves existing data as they are. */
  prepareDatabases(state: PlaygroundState): Promise<void>;
  /** Starts one server on its data and returns once the server answers. */
  start(state: PlaygroundState, server: ServerState, options: StartServerOptions): Promise<void>;
  isAlive(server: ServerState): Promise<boolean>;
  kill(server: ServerState): Promise<void>;
  pause(server: ServerState): Promise<void>;
  resume(server: ServerState): Promise<void>;
  /** Stops the server cleanly, or by force after `graceMs`. Does nothing if the server is not running. */
  stop(server: ServerState, graceMs: number): Promise<void>;
  /** Stops servers that a killed starter left and that the state does not name. */
  sweep(state: PlaygroundState): Promise<void>;
  /** Removes data outside the playground's folder. */
  removeData(): Promise<void>;
}
