/** How a store that chooses database hosts by itself, beside the topology, takes part when hosts come and go. */
export interface StoreHosts<Opened> {
  /** The command that lets the store use these hosts. */
  useCommand(hosts: readonly string[]): string;
  /** Why a host cannot be forgotten, as a sentence; undefined if the store does not name it. */
  uses(opened: Opened, host: string): Promise<string | undefined>;
  /** Plans to use a host no more; undefined if there is nothing to do. Throws `FailedPrecondition` if too few hosts would be left. */
  leave(opened: Opened, host: string): Promise<HostLeave | undefined>;
}

/** A plan to use a host no more. */
export interface HostLeave {
  /** For people, as a sentence. */
  readonly effect: string;
  apply(): Promise<void>;
}
