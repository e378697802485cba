import type { ServiceRoles } from '../access/index.js';
import { adminRoles, injectorRoles, managerRoles } from '../server/index.js';
import type { Store } from './store.js';

/** A service by the name that access grants use, with the roles that its methods need. */
export interface NamedService {
  readonly service: string;
  readonly roles: ServiceRoles;
}

/** Services that every server has. `metrics` is the admin port. */
export const ownServices = {
  manager: { service: 'manager', roles: managerRoles },
  injector: { service: 'injector', roles: injectorRoles },
  metrics: { service: 'metrics', roles: adminRoles },
} as const satisfies Readonly<Record<string, NamedService>>;

/** The stores that have a service, by name. */
export const servedNames = (stores: readonly Store[]): readonly string[] =>
  stores.flatMap(({ name, service }) => (service === undefined ? [] : [name]));

/** The services of a server with some stores. */
export const servicesOf = (stores: readonly Store[]): readonly NamedService[] => [
  ...stores.flatMap(({ name, service }) =>
    service === undefined ? [] : [{ service: name, roles: service.roles ?? {} }],
  ),
  ...Object.values(ownServices),
];
