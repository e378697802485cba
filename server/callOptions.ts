import { limits, parseCount, type Cancellation, type WriteIdentity } from '../core/index.js';
import {
  acknowledgmentNumbers,
  priorityNumbers,
  required,
  type ReadOptions,
  type Received,
  type RoostTypes,
  type WriteOptions,
} from '../wire/index.js';
import type { Caller } from './caller.js';
import { traceOf } from './callTrace.js';
import { deadlineLeft } from './deadlineLeft.js';

type Wire<T> = Received<T> | null;

export function readOptions(
  options: Wire<RoostTypes.ReadOptions>,
  { closed }: Pick<Caller, 'closed'>,
): ReadOptions & { readonly cancellation: Cancellation } {
  const deadlineMs = options?.deadline_ms ?? undefined;
  const trace = traceOf(options);
  return {
    cancellation: closed,
    ...(trace === undefined ? {} : { trace }),
    ...(deadlineMs === undefined ? {} : { deadlineMs: parseCount(deadlineMs, 'deadline_ms', 1, limits.maxDeadlineMs) }),
  };
}

/** Options of a write that begins. One without an identity may have waited unread and been given up by its client. */
export function writeOptions(options: Wire<RoostTypes.WriteOptions>, caller: Caller): WriteOptions {
  const { priority, acknowledgment, identity } = options ?? {};
  const acknowledged = acknowledgment == null ? undefined : acknowledgmentNumbers.toName(acknowledgment);
  return {
    ...readOptions(options, caller),
    ...(identity == null ? deadlineLeft(options?.deadline_ms, caller.waitedMs()) : { identity: identityOf(identity) }),
    ...(priority == null ? {} : { priority: priorityNumbers.toName(priority) }),
    ...(acknowledged === undefined ? {} : { acknowledgment: acknowledged }),
    ...(acknowledged === 'materialized' ? { cancellation: caller.ended } : {}),
  };
}

const identityOf = ({ id, not_after }: Received<RoostTypes.WriteIdentity>): WriteIdentity => ({
  id: required(id, 'identity.id'),
  notAfter: required(not_after, 'identity.not_after'),
});
