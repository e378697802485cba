import type { ServiceRoles } from '../access/index.js';
import { AcknowledgmentNumber } from '../wire/index.js';

/** What a request uses of a server: each kind has its own slots. */
export type CallKind = 'read' | 'background' | 'write' | 'materialized' | 'control';

/** The kinds of a service's methods. Those that it leaves out are reads. `background`: reads of tools, which wait while people wait. */
export type CallKinds = Readonly<Partial<Record<string, CallKind>>>;

/** The kinds that follow from the roles of a service: a method that needs `write` writes. */
export const kindsOf = (roles: ServiceRoles, others: CallKinds = {}): CallKinds => ({
  ...Object.fromEntries(
    Object.entries(roles).flatMap(([method, need]) =>
      (typeof need === 'string' ? need : need.role) === 'write' ? [[method, 'write'] as const] : [],
    ),
  ),
  ...others,
});

/** The kind that a method's name tells before its arguments are read. */
export const kindOfMethod = (kinds: CallKinds, method: string): CallKind =>
  method === 'server_info' ? 'control' : (kinds[method] ?? 'read');

/**
 * The kind of a call with its arguments: the options, which come last, show whether a write is answered once it is
 * applied.
 */
export function kindOfCall(kinds: CallKinds, method: string, args: readonly unknown[]): CallKind {
  const kind = kindOfMethod(kinds, method);
  if (kind !== 'write') return kind;
  const options = args.at(-1) as { readonly acknowledgment?: number | null } | null | undefined;
  return options?.acknowledgment === AcknowledgmentNumber.Materialized ? 'materialized' : 'write';
}
