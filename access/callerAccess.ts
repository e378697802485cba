import { RoostError } from '../core/index.js';
import { denied } from './denied.js';
import type { Peer } from './peer.js';
import type { Identity } from './identity.js';
import type { PortAccess } from './portAccess.js';
import type { Role } from './roles.js';
import type { Usage } from './usage.js';

/** Shared: making an error costs as much as answering a call. */
const shownAlready = new RoostError(
  'FailedPrecondition',
  'this connection has shown a token already: open another one',
);

/**
 * What one connection may do, as which identity, and how it was identified. Calls are decided by a lookup in a map; a
 * token is verified once.
 */
export class CallerAccess {
  #identity: Identity | undefined;
  #token: string | undefined;
  /** The usage that this connection counts toward. */
  #counted: Usage | undefined;
  /** Set if its identity has no connection left. */
  #full: RoostError | undefined;
  /** Running calls finish as they were decided; no more are accepted. */
  #revoked = false;

  constructor(
    private readonly port: PortAccess,
    readonly peer: Peer,
    private readonly onRevoked: () => void,
  ) {
    const { access } = port;
    if (access.credentials === undefined) return;
    access.callers.add(this);
    this.#full = this.#take(access.credentials.ofPeer(peer));
  }

  /** Whether the caller is identified, or need not be. */
  get isKnown(): boolean {
    return this.#identity !== undefined || this.port.access.credentials === undefined;
  }

  /** The caller, with its roles on this port. Undefined without access rules. */
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

  /**
   * Why a call is refused before its arguments are read; counts toward the caller's rate. `method` is undefined for
   * one that the service does not have.
   */
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
   * Why the caller lacks a role on a service, which may differ from the port's; undefined if it has it. For actions
   * of a request beyond opening its page, such as the dashboard's on the manager. Does not count toward the rate. A
   * role limited to graphs does not suffice.
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

  /** Why a call is refused for the graphs that it concerns. */
  refusalOfGraphs(method: string, args: readonly unknown[]): RoostError | undefined {
    const identity = this.#identity;
    if (identity === undefined) return undefined;
    const refusal = this.port.refusalOfGraphs(identity, method, args);
    if (refusal !== undefined) identity.usage.refused.permission++;
    return refusal;
  }

  /** Identifies the caller by the present file. */
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

  /** The connection has closed. */
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
