import type { Phase } from '../../gizzard/index.js';
import { seededRandom } from './seededRandom.js';

/** The last four take back what is in the middle of a copy, at any moment: a running or a paused migration, a copy, a repair. */
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

/** Between having done and having recorded the first or last step of a phase, or somewhere in it. */
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
  /** How many replicas each tree has before. */
  readonly replicas: number;
  /** How long after the beginning of the phase, where it is within it. */
  readonly delayMs: number;
  /** How long what was killed stays away. */
  readonly awayMs: number;
  readonly random: (below: number) => number;
}

/** Seeds that follow each other go through all kinds, victims and moments, and, since their numbers have no common divisor, through all of their combinations. */
export function drawRound(seed: number): Round {
  const random = seededRandom(seed);
  const kind = kinds[seed % kinds.length]!;
  const isMidway = midway.includes(kind);
  return {
    kind,
    victim: victims[seed % victims.length]!,
    moment: isMidway ? { phase: 'copy', at: 'within' } : moments[seed % moments.length]!,
    // A copy is one of a replica to another.
    replicas: random(3) === 0 && kind !== 'copy' && !kind.startsWith('cancel') ? 1 : 2,
    // A command takes about a second to begin.
    delayMs: random(isMidway ? 1_800 : 400),
    awayMs: random(1_500),
    random,
  };
}
