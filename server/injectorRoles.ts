import type { RolesOf } from '../access/index.js';
import type { JobInjectorModule } from '../wire/index.js';

/**
 * Roles for the job injector. Jobs may concern any store and graph, so that a role limited to graphs does not
 * suffice.
 */
export const injectorRoles: RolesOf<JobInjectorModule.Client> = { inject_jobs: 'write' };
