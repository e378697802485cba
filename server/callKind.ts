import { AcknowledgmentNumber } from '../wire/index.js';

/** What a request takes of a server: each kind has slots of its own. */
export type CallKind = 'read' | 'background' | 'write' | 'materialized' | 'control';

const writes: ReadonlySet<string> = new Set([
  'execute',
  'write_edges',
  'write_batch',
  'create_tweets',
  'delete_tweets',
  'undelete_tweets',
  'put_users',
  'change_users',
  'remove_users',
  'inject_jobs',
  'append',
  'remove',
  'store',
  'merge',
  'unmerge',
  'merge_indirect',
  'unmerge_indirect',
  'delete_timeline',
]);

/** Reads of tools, which may wait when people wait as well. */
const background: ReadonlySet<string> = new Set(['explain', 'locate', 'scan_timeline']);

/** What can be told of a call before its arguments are read. */
export function kindOfMethod(method: string): CallKind {
  if (method === 'server_info') return 'control';
  if (writes.has(method)) return 'write';
  return background.has(method) ? 'background' : 'read';
}

/** The kind of a call with its arguments: a write that is answered once it is applied is told by its options, which come last. */
export function kindOfCall(method: string, args: readonly unknown[]): CallKind {
  const kind = kindOfMethod(method);
  if (kind !== 'write') return kind;
  const options = args.at(-1) as { readonly acknowledgment?: number | null } | null | undefined;
  return options?.acknowledgment === AcknowledgmentNumber.Materialized ? 'materialized' : 'write';
}
