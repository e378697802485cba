import { limits, parseCount, type Cancellation } from '../../core/index.js';
import type { ReadOptions, WriteOptions } from '../../flock/index.js';
import { acknowledgementNumbers, priorityNumbers, type Received, type RoostTypes } from '../wire/index.js';
import type { Caller } from './caller.js';

type Wire<T> = Received<T> | null;

export function readOptions(options: Wire<RoostTypes.ReadOptions>, { closed }: Pick<Caller, 'closed'>): ReadOptions & { readonly cancellation: Cancellation } {
  const deadlineMs = options?.deadline_ms ?? undefined;
  return { cancellation: closed, ...(deadlineMs === undefined ? {} : { deadlineMs: parseCount(deadlineMs, 'deadline_ms', 1, limits.maxDeadlineMs) }) };
}

export function writeOptions(options: Wire<RoostTypes.WriteOptions>, caller: Caller): WriteOptions {
  const { priority, acknowledgement } = options ?? {};
  const acknowledged = acknowledgement == null ? undefined : acknowledgementNumbers.toName(acknowledgement);
  return {
    ...readOptions(options, caller),
    ...(priority == null ? {} : { priority: priorityNumbers.toName(priority) }),
    ...(acknowledged === undefined ? {} : { acknowledgement: acknowledged }),
    ...(acknowledged === 'materialized' ? { cancellation: caller.ended } : {}),
  };
}
