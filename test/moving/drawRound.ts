import type { Phase } from '../../gizzard/index.js';
import { seededRandom } from './seededRandom.js';

/**
 * The last four take back work in the middle of a copy, at any moment: a running or a paused migration, a copy, a
 * repair.
 */
export const kinds = [
  'move',
  'replicate',
  'split',
  'merge',
  'rebalance',
  'rollback',
  'copy',
  'rollbackRunning',
  'rollbackPaused',
  'cancelCopy',
  'cancelRepair',
] as const;
const midway: readonly string[] = kinds.slice(-4);
export type Kind = (typeof kinds)[number];

/** The server that carries the migration out, the command that started it, a database host, or the journal's Redis. */
export const victims = ['server', 'command', 'database', 'redis'] as const;
export type Victim = (typeof victims)[number];

/** A moment between doing and recording the first or last step of a phase, or somewhere in the phase. */
export interface Moment {
  readonly phase: 'preflight' | 'plan' | Phase;
  readonly at: 'before' | 'after' | 'within';
}

const moments: readonly Moment[] = [
  { phase: 'preflight', at: 'within' },
  { phase: 'plan', at: 'before' },
  ...(['prepare', 'copy', 'verify', 'settle', 'cleanup'] as const).flatMap((phase): Moment[] => [
    { phase, at: 'before' },
    { phase, at: 'after' },
  ]),
  { phase: 'copy', at: 'within' },
  { phase: 'verify', at: 'within' },
  { phase: 'cleanup', at: 'within' },
];

export interface Round {
  readonly kind: Kind;
  readonly victim: Victim;
  readonly moment: Moment;
  /** The number of replicas that each tree has before the round. */
  readonly replicas: number;
  /** The time after the start of the phase, if the moment is within it. */
  readonly delayMs: number;
  /** The time for which the killed process stays away. */
  readonly awayMs: number;
  readonly random: (below: number) => number;
}

/**
 * Consecutive seeds go through all kinds, victims and moments. These counts have no common divisor, so the seeds also
 * go through all combinations.
 */
export function drawRound(seed: number): Round {
  const random = seededRandom(seed);
  const kind = kinds[seed % kinds.length]!;
  const isMidway = midway.includes(kind);
  return {
    kind,
    victim: victims[seed % victims.length]!,
    moment: isMidway ? { phase: 'copy', at: 'within' } : moments[seed % moments.length]!,
    // A copy needs another replica to copy to.
    replicas: random(3) === 0 && kind !== 'copy' && !kind.startsWith('cancel') ? 1 : 2,
    // A command takes about a second to start.
    delayMs: random(isMidway ? 1_800 : 400),
    awayMs: random(1_500),
    random,
  };
}
