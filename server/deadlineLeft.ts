import { limits, parseCount, RoostError } from '../core/index.js';

/**
 * The milliseconds left of a write's deadline if its request may have waited unread: its caller may have given it up
 * since, and have written something else. Absent: all of the default. Throws `DeadlineExceeded` if nothing may be
 * left; nothing was accepted.
 *
 * @param givenMs the client's deadline; clients without one are assumed to wait `limits.undatedWriteWaitMs`
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
