/**
 * `operate`: migrations and jobs. `admin`: the topology, remote hosts, and everything that the other roles may do.
 */
export const roles = ['read', 'write', 'operate', 'admin'] as const;

export type Role = (typeof roles)[number];

/**
 * The requirement of one method: a role, or `any` role on its service.
 *
 * `graphs` are places in the arguments that hold ids of the graphs concerned, such as `0.*.term.graph_id`: the first
 * argument is `0`, and `*` stands for every entry of a list. A caller whose role is limited to graphs may call the
 * method if it may use all of these. Without `graphs` the role must not be limited to graphs.
 */
export type MethodNeed = Role | 'any' | { readonly role: Role; readonly graphs: readonly string[] };

/** The requirement of each method of a service. A method not named requires `admin`. */
export type ServiceRoles = Readonly<Record<string, MethodNeed>>;

/** Requirements for every method of a client, so that the compiler finds a missing one. */
export type RolesOf<Client> = Readonly<Record<Exclude<keyof Client, symbol>, MethodNeed>>;
