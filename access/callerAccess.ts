import { RoostError } from '../core/index.js';
import { denied } from './denied.js';
import type { Peer } from './peer.js';
import type { Identity } from './identity.js';
import type { PortAccess } from './portAccess.js';
import type { Role } from './roles.js';
import type { Usage } from './usage.js';

/** One for all: making an error costs as much as answering a call. */
const shownAlready = new RoostError(
  'FailedPrecondition',
  'this connection has shown a token already: open another one',
);

/** What one connection may do: as whom, and how that was found out. Calls are decided by a look into a map; tokens are looked at once. */
export class CallerAccess {
  #identity: Identity | undefined;
  #token: string | undefined;
  /** Whose connections this one counts among. */
  #counted: Usage | undefined;
  /** Why it has no identity: its identity has as many connections as it may. */
  #full: RoostError | undefined;
  /** Its calls in work go on as they were decided; no more are taken. */
  #revoked = false;

  constructor(
    private readonly port: PortAccess,
    private readonly peer: Peer,
    private readonly onRevoked: () => void,
  ) {
    const { access } = port;
    if (access.credentials === undefined) return;
    access.callers.add(this);
    this.#full = this.#take(access.credentials.ofPeer(peer));
  }

  /** Whether whoever calls is known, or need not be. */
  get isKnown(): boolean {
    return this.#identity !== undefined || this.port.access.credentials === undefined;
  }

  /** Who calls, and with which roles on this port. Undefined where nobody was asked. */
  get caller(): { readonly name: string; readonly roles: readonly Role[] } | undefined {
    if (this.#identity === undefined) return undefined;
    return { name: this.#identity.name, roles: this.#identity.rolesOn(this.port.of.service) };
  }

  /** Takes a token. Throws `Unauthenticated` for a wrong one, `Overloaded` where its identity has no connection left, and `FailedPrecondition` for a second one. */
  authenticate(token: string): void {
    const { credentials } = this.port.access;
    if (credentials === undefined) return;
    if (this.#token !== undefined) throw shownAlready;
    const identity = credentials.ofToken(token);
    if (identity === undefined) {
      this.#countUnknown();
      throw new RoostError('Unauthenticated', 'the token is not known: it is wrong, or was revoked');
    }
    const full = this.#take(identity);
    if (full !== undefined) throw full;
    this.#token = token;
    this.#full = undefined;
  }

  /** Why a token is refused on a connection that has shown one, right or wrong; it counts for the caller's rate. */
  refusalOfToken(): RoostError {
    return this.#identity?.usage.call() ?? shownAlready;
  }

  /** Why a call is refused before its arguments are read; it counts for the caller's rate. `method` is undefined for one that the service does not have. */
  refusalOf(method: string | undefined): RoostError | undefined {
    if (this.port.access.credentials === undefined) return undefined;
    const identity = this.#identity;
    if (identity === undefined || this.#revoked) {
      this.#countUnknown();
      return this.#full ?? this.port.unauthenticated;
    }
    const { refusal } = this.port.decision(identity, method ?? '');
    if (refusal === undefined) return identity.usage.call();
    identity.usage.refused.permission++;
    return refusal;
  }

  /**
   * Why the caller may not do something that needs a role on a service, which may be another than its port's; undefined where it may. For what a request does beside opening its page, as an action of the
   * dashboard on the manager's part. The rate is not counted again. A role that is limited to graphs does not do.
   */
  refusalOfRole(role: Role, service: string, action: string): RoostError | undefined {
    if (this.port.access.credentials === undefined) return undefined;
    const identity = this.#identity;
    if (identity === undefined || this.#revoked) {
      this.#countUnknown();
      return this.#full ?? this.port.unauthenticated;
    }
    if (identity.permission(service, role) === 'all') return undefined;
    identity.usage.refused.permission++;
    return denied(identity, service, role, action);
  }

  /** Why a call is refused for the graphs that it is about. */
  refusalOfGraphs(method: string, args: readonly unknown[]): RoostError | undefined {
    const identity = this.#identity;
    if (identity === undefined) return undefined;
    const refusal = this.port.refusalOfGraphs(identity, method, args);
    if (refusal !== undefined) identity.usage.refused.permission++;
    return refusal;
  }

  /** Finds its identity in the file as it is now. */
  renew(): void {
    const { credentials } = this.port.access;
    if (this.#identity === undefined || this.#revoked || credentials === undefined) return;
    const now = this.#token === undefined ? credentials.ofPeer(this.peer) : credentials.ofToken(this.#token);
    if (now?.name === this.#identity.name) {
      this.#identity = now;
      return;
    }
    this.#revoked = true;
    this.#release();
    this.onRevoked();
  }

  /** The connection is closed. */
  leave(): void {
    this.#release();
    this.port.access.callers.delete(this);
  }

  #take(identity: Identity | undefined): RoostError | undefined {
    if (identity === undefined) return undefined;
    if (this.#counted !== identity.usage) {
      const full = identity.usage.connect();
      if (full !== undefined) return full;
      this.#release();
      this.#counted = identity.usage;
    }
    this.#identity = identity;
    return undefined;
  }

  #release(): void {
    if (this.#counted !== undefined) this.#counted.connections--;
    this.#counted = undefined;
  }

  #countUnknown(): void {
    this.port.access.usageOf('').refused.unauthenticated++;
  }
}
