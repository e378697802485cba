import { RoostError } from '../core/index.js';
import type { Identity } from './identity.js';
import type { MethodNeed } from './roles.js';

/**
 * The error of an identity that lacks a role.
 *
 * @param graph the graph that the role is missing on. Absent: the service.
 */
export function denied(
  { name }: Pick<Identity, 'name'>,
  service: string,
  need: MethodNeed,
  method: string,
  graph?: number | string,
): RoostError {
  const role = typeof need === 'string' ? need : need.role;
  const on = graph === undefined ? service : `graph ${graph}`;
  return new RoostError(
    'PermissionDenied',
    `${name} may not call ${method}: it needs ${role === 'any' ? 'a role' : `the role ${role}`} on ${on}`,
    { fields: { identity: name, service, method, role, graph } },
  );
}
