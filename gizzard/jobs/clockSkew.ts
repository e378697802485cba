/** A clock's reading, with this process's wall clock before and after it; all in milliseconds since 1970. */
export interface ClockReading {
  readonly name: string;
  readonly ms: number;
  readonly before: number;
  readonly after: number;
}

/**
 * A lower bound on how far a clock is ahead of this process's: 0 if they may be equal. The time between question and
 * answer counts in its favor.
 */
export const skewMs = ({ ms, before, after }: ClockReading): number =>
  ms > after ? ms - after : ms < before ? ms - before : 0;

/** Two clocks that differ, and which of them is wrong, as far as a majority can tell. */
export interface ClockProblem {
  readonly text: string;
  readonly wrong: 'journal' | 'here';
}

/** Why this process should not serve; undefined where its clock and the journal's agree within the bound. */
export function clockProblem(
  journal: ClockReading,
  databases: readonly ClockReading[],
  maxSkewMs: number,
  here = 'this server',
): ClockProblem | undefined {
  const ofJournal = skewMs(journal);
  const ofDatabases = databases.map((reading) => ({ name: reading.name, skew: skewMs(reading) }));
  const apart = ofDatabases.filter(({ skew }) => Math.abs(skew) > maxSkewMs);
  const agreeing = ofDatabases.filter(({ skew }) => Math.abs(skew) <= maxSkewMs);
  if (Math.abs(ofJournal) > maxSkewMs) {
    if (agreeing.length > apart.length) {
      return {
        text: `the clock of the journal's Redis is ${apartText(ofJournal)} that of ${here}, with which ${names(agreeing)} ${agreeing.length === 1 ? 'agrees' : 'agree'}: set it right, it gives writes their times`,
        wrong: 'journal',
      };
    }
    return {
      text: `the clock of ${here} is ${apartText(-ofJournal)} that of the journal's Redis: set it right`,
      wrong: 'here',
    };
  }
  // The doctor names a host that is wrong by itself: no write takes its time from it.
  return undefined;
}

const names = (hosts: readonly { readonly name: string }[]): string => hosts.map(({ name }) => name).join(', ');

const apartText = (ms: number): string => `${lengthText(Math.abs(ms))} ${ms > 0 ? 'ahead of' : 'behind'}`;

function lengthText(ms: number): string {
  const units = [
    ['days', 86_400_000],
    ['hours', 3_600_000],
    ['minutes', 60_000],
    ['seconds', 1_000],
  ] as const;
  const [name, size] = units.find(([, size]) => ms >= 2 * size) ?? ['ms', 1];
  return `${name === 'ms' ? Math.round(ms) : (ms / size).toFixed(1)} ${name}`;
}
