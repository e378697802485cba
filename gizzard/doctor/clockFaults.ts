import { Deadline } from '../../core/index.js';
import type { Hosts } from '../hosts.js';

/** Clocks of a cluster that differ by more than this are wrong, one of them at least. */
export const maxClockDifferenceMs = 60_000;

const readDeadlineMs = 2_000;

/** A clock that is not that of the journal. */
export interface ClockFault {
  /** The host, or the server. */
  readonly subject: string;
  /** How far it is ahead of the journal's; below 0: behind. */
  readonly aheadMs: number;
}

/** Hosts whose clocks are wrong by that of the journal. Those that do not answer are left out. Throws as `nowMs` does, which tells the journal's time. */
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
