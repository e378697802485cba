import type { Grant, IdentitySettings } from './accessFile.js';
import { roles, type MethodNeed, type Role } from './roles.js';
import type { Usage } from './usage.js';

/**
 * What an identity may do with a method: nothing, everything, or only on some graphs, whose ids are at given places
 * in the arguments.
 */
export type Permission = 'none' | 'all' | { readonly graphs: ReadonlySet<string>; readonly places: readonly string[] };

export function permissionOf(grants: readonly Grant[], service: string, need: MethodNeed): Permission {
  const { role, graphs: places } = typeof need === 'string' ? { role: need, graphs: undefined } : need;
  const fitting = grantsOn(grants, service).filter(
    ({ roles: given }) => role === 'any' || given.includes(role) || given.includes('admin'),
  );
  // `any` role includes roles limited to graphs.
  if (fitting.some(({ graphs }) => graphs === undefined || role === 'any')) return 'all';
  if (places === undefined || fitting.length === 0) return 'none';
  return { graphs: new Set(fitting.flatMap(({ graphs }) => graphs ?? [])), places };
}

const grantsOn = (grants: readonly Grant[], service: string): readonly Grant[] =>
  grants.filter(({ services }) => services === undefined || services.includes(service));

/** An identity with its entry in the file. */
export class Identity {
  constructor(
    readonly name: string,
    readonly settings: IdentitySettings,
    readonly usage: Usage,
  ) {}

  permission(service: string, need: MethodNeed): Permission {
    return permissionOf(this.settings.grants, service, need);
  }

  /** Its roles on a service, whatever they are limited to. */
  rolesOn(service: string): readonly Role[] {
    const given = grantsOn(this.settings.grants, service).flatMap((grant) => grant.roles);
    return roles.filter((role) => given.includes(role));
  }
}
