/** `operate`: migrations and jobs. `admin`: the topology, remote hosts, and all that the other roles may do. */
export const roles = ['read', 'write', 'operate', 'admin'] as const;

export type Role = (typeof roles)[number];

/**
 * The need of one method: a role, or `any` role on its service.
 *
 * `graphs` are the places in the arguments that hold the ids of the graphs that a call is about, such as `0.*.term.graph_id`: the first argument is `0`, and `*` is every entry of a list. A caller
 * whose role is limited to graphs may call it where it may use all of those. Without `graphs` the role must not be limited to graphs.
 */
export type MethodNeed = Role | 'any' | { readonly role: Role; readonly graphs: readonly string[] };

/** The need of each method of a service. A method that is not named needs `admin`. */
export type ServiceRoles = Readonly<Record<string, MethodNeed>>;

/** The same for every method of a client, so that the compiler finds one that was left out. */
export type RolesOf<Client> = Readonly<Record<Exclude<keyof Client, symbol>, MethodNeed>>;
