import type { MoveRates } from '../moving/moveTask.js';
import type { Phase, PlannedStep } from './steps.js';

/**
 * `settled`: the new shards are read and the old ones still written; it rests until somebody cleans up or rolls back.
 * `failed`: a step cannot be done; it rests until somebody resumes or rolls back. The last two states are final.
 */
export const migrationStates = ['queued', 'running', 'paused', 'settled', 'failed', 'done', 'rolledBack'] as const;
export type MigrationState = (typeof migrationStates)[number];

/** The state that a migration is heading for. */
export type MigrationGoal = 'settle' | 'cleanup' | 'rollback';

export const stepStates = ['pending', 'running', 'done', 'undoing', 'undone'] as const;
export type StepState = (typeof stepStates)[number];

/** A row of the ledger. */
export interface MigrationStep extends PlannedStep {
  readonly step: number;
  readonly state: StepState;
  /**
   * What was recorded when it was done: numbers of moves, rows, rounds, the topology's version; `leftBehind`: shards
   * with tables that stayed on a host that did not answer.
   */
  readonly evidence: Readonly<Record<string, string | number | readonly (string | number)[]>>;
}

export interface MigrationOptions extends Partial<MoveRates> {
  /** Clean up without being asked. Rolling back is then possible only before. */
  readonly cleanup?: boolean;
}

export interface Migration {
  readonly id: number;
  /** The number of the first of the migrations that were started together. */
  readonly planId: number;
  readonly title: string;
  readonly state: MigrationState;
  readonly goal: MigrationGoal;
  readonly options: MigrationOptions;
  /** Why it failed, or why the present step is being retried. */
  readonly error: string;
  readonly createdAt: string;
  readonly owner: string | undefined;
}

export const isAtRest = (state: MigrationState): boolean =>
  state === 'settled' || state === 'failed' || state === 'paused' || isAtEnd(state);
export const isAtEnd = (state: MigrationState): boolean => state === 'done' || state === 'rolledBack';

/** A migration's phase: that of the first step not done; undefined if all are done. */
export const phaseOf = (steps: readonly MigrationStep[]): Phase | undefined =>
  steps.find((step) => step.state !== 'done')?.phase;

/** Shards with tables that a migration left behind on hosts that did not answer. */
export const leftBehind = (steps: readonly Pick<MigrationStep, 'evidence'>[]): string[] =>
  steps.flatMap(({ evidence }) => (Array.isArray(evidence['leftBehind']) ? (evidence['leftBehind'] as string[]) : []));

/** The next step; undefined if the goal is reached. */
export const nextStep = (steps: readonly MigrationStep[], goal: 'settle' | 'cleanup'): MigrationStep | undefined =>
  steps.find((step) => step.state !== 'done' && (goal === 'cleanup' || step.phase !== 'cleanup'));

/** The next step to undo; undefined if there is none. */
export const nextUndo = (steps: readonly MigrationStep[]): MigrationStep | undefined =>
  steps.findLast((step) => step.state !== 'pending' && step.state !== 'undone');
