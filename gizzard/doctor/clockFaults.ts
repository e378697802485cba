import { Deadline } from '../../core/index.js';
import type { Hosts } from '../hosts.js';

/** If clocks of a cluster differ by more, at least one of them is wrong. */
export const maxClockDifferenceMs = 60_000;

const readDeadlineMs = 2_000;

/** A clock that differs from the journal's. */
export interface ClockFault {
  /** The host or server. */
  readonly subject: string;
  /** Milliseconds ahead of the journal's clock; negative: behind. */
  readonly aheadMs: number;
}

/**
 * Hosts with wrong clocks, compared with the journal's. Hosts that do not answer are left out. Throws as `nowMs`,
 * which gives the journal's time.
 */
export async function clockFaults(
  hosts: Hosts,
  names: readonly string[],
  nowMs: () => Promise<number>,
): Promise<ClockFault[]> {
  await nowMs();
  const clocks = await Promise.allSettled(
    names.map(async (subject): Promise<ClockFault> => {
      const clockMs = await hosts.host(subject).clockMs(Deadline.after(readDeadlineMs));
      return { subject, aheadMs: clockMs - (await nowMs()) };
    }),
  );
  return clocks.flatMap((clock) => (clock.status === 'fulfilled' && isWrong(clock.value) ? [clock.value] : []));
}

export const isWrong = ({ aheadMs }: ClockFault): boolean => Math.abs(aheadMs) > maxClockDifferenceMs;

export const clockFaultText = ({ subject, aheadMs }: ClockFault): string =>
  `the clock of ${subject} is ${Math.round(Math.abs(aheadMs) / 1_000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} that of the journal's Redis: set it right`;
