import type { Grant, IdentitySettings } from './accessFile.js';
import { roles, type MethodNeed, type Role } from './roles.js';
import type { Usage } from './usage.js';

/** What an identity may do with a method: nothing, all, or as much as concerns some graphs. */
export type Permission = 'none' | 'all' | { readonly graphs: ReadonlySet<string>; readonly places: readonly string[] };

/** Somebody who calls, with what the file says of it. */
export class Identity {
  constructor(
    readonly name: string,
    readonly settings: IdentitySettings,
    readonly usage: Usage,
  ) {}

  permission(service: string, need: MethodNeed): Permission {
    const { role, graphs: places } = typeof need === 'string' ? { role: need, graphs: undefined } : need;
    const grants = this.#grantsFor(service).filter(
      ({ roles: given }) => role === 'any' || given.includes(role) || given.includes('admin'),
    );
    // Of any role, one that is limited to graphs is one too.
    if (grants.some(({ graphs }) => graphs === undefined || need === 'any')) return 'all';
    if (places === undefined || grants.length === 0) return 'none';
    return { graphs: new Set(grants.flatMap(({ graphs }) => graphs ?? [])), places };
  }

  /** Its roles on a service, whatever they are limited to. */
  rolesOn(service: string): readonly Role[] {
    const given = this.#grantsFor(service).flatMap((grant) => grant.roles);
    return roles.filter((role) => given.includes(role));
  }

  #grantsFor(service: string): readonly Grant[] {
    return this.settings.grants.filter(({ services }) => services === undefined || services.includes(service));
  }
}
