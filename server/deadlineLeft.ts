import { limits, parseCount, RoostError } from '../core/index.js';

/**
 * What is left of a write's deadline, in milliseconds, where its request may have waited unread for some time. Its caller may have given it up since, and have written something
 * else. Absent: the default, all of it. Throws `DeadlineExceeded` where nothing may be left: nothing was accepted.
 *
 * @param givenMs what the client gave for it; clients that give nothing are taken to wait `limits.undatedWriteWaitMs`
 */
export function deadlineLeft(givenMs: number | null | undefined, waitedMs: number): { readonly deadlineMs?: number } {
  const deadlineMs = givenMs == null ? undefined : parseCount(givenMs, 'deadline_ms', 1, limits.maxDeadlineMs);
  if (waitedMs >= (deadlineMs ?? limits.undatedWriteWaitMs)) {
    throw new RoostError(
      'DeadlineExceeded',
      `the write may have waited ${waitedMs} ms before this server read it; nothing was accepted`,
      {
        fields: { waitedMs },
      },
    );
  }
  if (waitedMs > 0) return { deadlineMs: (deadlineMs ?? limits.defaultDeadlineMs) - waitedMs };
  return deadlineMs === undefined ? {} : { deadlineMs };
}
