import { RoostError } from '../core/index.js';
import type { Access, ServiceOfPort } from './access.js';
import { CallerAccess } from './callerAccess.js';
import { denied } from './denied.js';
import type { Peer } from './peer.js';
import type { Identity, Permission } from './identity.js';
import type { MethodNeed } from './roles.js';
import { valuesAt } from './valuesAt.js';

/** What one identity may do with one method. */
export interface Decision {
  readonly permission: Permission;
  /** The refusal, if it may do nothing. */
  readonly refusal: RoostError | undefined;
}

/** Access to one port. */
export class PortAccess {
  readonly unauthenticated: RoostError;
  readonly #decisions = new WeakMap<Identity, Map<string, Decision>>();

  constructor(
    readonly access: Access,
    readonly of: ServiceOfPort,
  ) {
    this.unauthenticated = new RoostError(
      'Unauthenticated',
      `the service ${of.service} does not know this caller: a token, a certificate or an allowed network is needed`,
      { fields: { service: of.service } },
    );
  }

  /** Whether everybody may do everything. */
  get isOpen(): boolean {
    return this.access.credentials === undefined;
  }

  /** Registers a new connection, or a request by itself. `onRevoked`: its identity has lost the credential. */
  enter(peer: Peer, onRevoked: () => void): CallerAccess {
    return new CallerAccess(this, peer, onRevoked);
  }

  /** Computed once per identity and method. */
  decision(identity: Identity, method: string): Decision {
    let known = this.#decisions.get(identity);
    if (known === undefined) this.#decisions.set(identity, (known = new Map<string, Decision>()));
    let decision = known.get(method);
    if (decision === undefined) {
      const need = this.need(method);
      const permission = identity.permission(this.of.service, need);
      const refusal = permission === 'none' ? denied(identity, this.of.service, need, method) : undefined;
      known.set(method, (decision = { permission, refusal }));
    }
    return decision;
  }

  /** Unknown methods get no decisions of their own: a caller could name any number. */
  need(method: string): MethodNeed {
    return Object.hasOwn(this.of.roles, method) ? this.of.roles[method]! : 'admin';
  }

  /** Why a call may not concern the graphs in its arguments. */
  refusalOfGraphs(identity: Identity, method: string, args: readonly unknown[]): RoostError | undefined {
    const { permission } = this.decision(identity, method);
    if (typeof permission === 'string') return undefined;
    const { graphs, places } = permission;
    for (const id of places.flatMap((place) => valuesAt(place, args))) {
      const name = typeof id === 'number' ? this.of.graphName?.(id) : undefined;
      if (name === undefined || !graphs.has(name))
        return denied(
          identity,
          this.of.service,
          this.need(method),
          method,
          typeof id === 'number' ? id : 'of no number',
        );
    }
    return undefined;
  }
}
