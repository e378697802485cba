import type { RolesOf } from '../access/index.js';
import type { JobInjectorModule } from '../wire/index.js';

/** Who may call what of the job injector. Jobs may be of any store and graph, so that a role that is limited to graphs does not do. */
export const injectorRoles: RolesOf<JobInjectorModule.Client> = { inject_jobs: 'write' };
