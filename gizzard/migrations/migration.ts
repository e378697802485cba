import type { MoveRates } from '../moving/moveTask.js';
import type { Phase, PlannedStep } from './steps.js';

/**
 * `settled`: the new shards are read and the old ones still written; it rests until somebody cleans up or rolls back.
 * `failed`: a step cannot be done; it rests until somebody resumes or rolls back. The last two are ends.
 */
export const migrationStates = ['queued', 'running', 'paused', 'settled', 'failed', 'done', 'rolledBack'] as const;
export type MigrationState = (typeof migrationStates)[number];

/** Where a migration is on its way to. */
export type MigrationGoal = 'settle' | 'cleanup' | 'rollback';

export const stepStates = ['pending', 'running', 'done', 'undoing', 'undone'] as const;
export type StepState = (typeof stepStates)[number];

/** A row of the ledger. */
export interface MigrationStep extends PlannedStep {
  readonly step: number;
  readonly state: StepState;
  /** What was seen when it was done: numbers of moves, rows, rounds, the topology's version; `leftBehind`: shards whose tables stayed on a host that did not answer. */
  readonly evidence: Readonly<Record<string, string | number | readonly (string | number)[]>>;
}

export interface MigrationOptions extends Partial<MoveRates> {
  /** Go on with the cleanup without being told to. Rolling back is then possible only before. */
  readonly cleanup?: boolean;
}

export interface Migration {
  readonly id: number;
  /** Migrations that were started together have the number of the first. */
  readonly planId: number;
  readonly title: string;
  readonly state: MigrationState;
  readonly goal: MigrationGoal;
  readonly options: MigrationOptions;
  /** Why it failed, or what the present step is being tried again after. */
  readonly error: string;
  readonly createdAt: string;
  readonly owner: string | undefined;
}

export const isAtRest = (state: MigrationState): boolean =>
  state === 'settled' || state === 'failed' || state === 'paused' || isAtEnd(state);
export const isAtEnd = (state: MigrationState): boolean => state === 'done' || state === 'rolledBack';

/** The phase that a migration is in: that of the first step that is not done; undefined when all are. */
export const phaseOf = (steps: readonly MigrationStep[]): Phase | undefined =>
  steps.find((step) => step.state !== 'done')?.phase;

/** The shards whose tables a migration has left behind on hosts that did not answer. */
export const leftBehind = (steps: readonly Pick<MigrationStep, 'evidence'>[]): string[] =>
  steps.flatMap(({ evidence }) => (Array.isArray(evidence['leftBehind']) ? (evidence['leftBehind'] as string[]) : []));

/** The step to do next; undefined where the goal is reached. */
export const nextStep = (steps: readonly MigrationStep[], goal: 'settle' | 'cleanup'): MigrationStep | undefined =>
  steps.find((step) => step.state !== 'done' && (goal === 'cleanup' || step.phase !== 'cleanup'));

/** The step to undo next; undefined where nothing is left to undo. */
export const nextUndo = (steps: readonly MigrationStep[]): MigrationStep | undefined =>
  steps.findLast((step) => step.state !== 'pending' && step.state !== 'undone');
