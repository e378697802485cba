/** How a store that picks database hosts itself, beside the topology, takes part in adding and removing hosts. */
export interface StoreHosts<Opened> {
  /** The command that makes the store use these hosts. */
  useCommand(hosts: readonly string[]): string;
  /** Why a host cannot be forgotten, as a sentence; undefined if the store does not use it. */
  uses(opened: Opened, host: string): Promise<string | undefined>;
  /**
   * Plans to stop using a host; undefined if there is nothing to do. Throws `FailedPrecondition` if too few hosts
   * would be left.
   */
  leave(opened: Opened, host: string): Promise<HostLeave | undefined>;
}

/** A plan to stop using a host. */
export interface HostLeave {
  /** The effect as a sentence, for people. */
  readonly effect: string;
  apply(): Promise<void>;
}
