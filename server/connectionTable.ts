/** A connection that holds a place. */
export interface Guest {
  readonly peer: { readonly address: string };
  /** Whether no known caller ever made a request on it. */
  readonly silent: boolean;
  /** Whether nothing is in progress on it. */
  readonly idle: boolean;
  readonly lastActiveMs: number;
  /** Bytes held for its client alone. */
  readonly hoardedBytes: number;
  closeAsFull(): void;
  closeForAnother(): void;
}

/** The memory that a server's connections hold together, and its limit. */
interface Load {
  readonly heldBytes: number;
  readonly limits: {
    readonly connections: number;
    readonly connectionsPerAddress: number;
    readonly heldBytes: number;
  };
}

/** The open connections of a server: decides who may connect, and who has to make room. */
export class ConnectionTable<G extends Guest> {
  readonly #open = new Set<G>();
  readonly #byAddress = new Map<string, Set<G>>();
  #onEmpty: (() => void) | undefined;

  constructor(private readonly load: Load) {}

  get size(): number {
    return this.#open.size;
  }

  [Symbol.iterator](): Iterator<G> {
    return this.#open.values();
  }

  /**
   * Makes room for a connection from an address. If the server or the address is at its limit, the connection that
   * has been idle longest closes, silent ones first; if all are busy there is no room.
   */
  makeRoom(address: string): boolean {
    const same = this.#byAddress.get(address) ?? new Set();
    if (same.size >= this.load.limits.connectionsPerAddress && !evictIdle(same)) return false;
    return this.#open.size < this.load.limits.connections || evictIdle(this.#open);
  }

  add(connection: G): void {
    this.#open.add(connection);
    const same = this.#byAddress.get(connection.peer.address);
    if (same === undefined) this.#byAddress.set(connection.peer.address, new Set([connection]));
    else same.add(connection);
  }

  /** Returns when no connection is open. */
  async emptied(): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
  }

  delete(connection: G): void {
    this.#open.delete(connection);
    if (this.#open.size === 0) this.#onEmpty?.();
    const same = this.#byAddress.get(connection.peer.address);
    same?.delete(connection);
    if (same?.size === 0) this.#byAddress.delete(connection.peer.address);
  }

  /**
   * Closes connections until the server is within its memory limit: of the address that holds most in incomplete
   * requests and unread answers, the largest holder. Running requests do not count: their senders are only refused
   * more.
   */
  relieve(): void {
    while (this.load.heldBytes > this.load.limits.heldBytes) {
      const greediest = most(this.#byAddress.values(), (connections) =>
        [...connections].reduce((sum, { hoardedBytes }) => sum + hoardedBytes, 0),
      );
      const victim = greediest && most(greediest, ({ hoardedBytes }) => hoardedBytes);
      if (victim === undefined) return;
      victim.closeAsFull();
    }
  }
}

function evictIdle(connections: Iterable<Guest>): boolean {
  // In order of arrival: the first silent one has been silent longest.
  let idlest: Guest | undefined;
  for (const connection of connections) {
    if (connection.silent) {
      connection.closeForAnother();
      return true;
    }
    if (connection.idle && (idlest === undefined || connection.lastActiveMs < idlest.lastActiveMs)) idlest = connection;
  }
  idlest?.closeForAnother();
  return idlest !== undefined;
}

/** The entry with the greatest value above 0. */
function most<T>(entries: Iterable<T>, valueOf: (entry: T) => number): T | undefined {
  let found: T | undefined;
  let greatest = 0;
  for (const entry of entries) {
    const value = valueOf(entry);
    if (value <= greatest) continue;
    greatest = value;
    found = entry;
  }
  return found;
}
