import { seededRandom } from '../moving/seededRandom.js';
import type { JournalKind } from './cluster.js';
import { faults } from './faults/index.js';
import { operationKinds, type OperationKind } from './operations/index.js';

/** Whose ways lead to both servers, the first of them through proxies, or to one. */
export const clientNames = ['both', 'first', 'second'] as const;

export type ClientName = (typeof clientNames)[number];

/** What happens in a round, but for the moments. */
export interface RoundPlan {
  readonly seed: number;
  readonly journal: JournalKind;
  readonly faults: readonly string[];
  readonly clients: readonly ClientName[];
  readonly operations: readonly OperationKind[];
  /** Calls that a client makes at a time. */
  readonly lanes: number;
}

/** Rounds that one cluster takes: their rows would slow it down. */
export const roundsPerCluster = 30;

/** Of four clusters one has a replicated journal. */
const journalOf = (seed: number): JournalKind =>
  Math.floor(seed / roundsPerCluster) % 4 === 3 ? 'replicated' : 'alone';

/** One fault, or two of different places, that overlap. */
export function drawPlan(seed: number): RoundPlan {
  const random = seededRandom(seed * 7_919);
  const journal = journalOf(seed);
  const names = Object.keys(faults).filter((name) => (faults[name]!.journal ?? journal) === journal);
  const first = names[(seed * 7) % names.length]!;
  const others = names.filter((name) => !faults[name]!.places.some((place) => faults[first]!.places.includes(place)));
  return {
    seed,
    journal,
    faults: random(3) === 0 ? [first] : [first, others[random(others.length)]!],
    clients: clientNames,
    operations: operationKinds,
    lanes: 4,
  };
}

export const planText = ({ journal, faults: names }: RoundPlan): string =>
  `${names.join(' and ')}${journal === 'replicated' ? ', replicated journal' : ''}`;
