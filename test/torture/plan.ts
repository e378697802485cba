import { seededRandom } from '../moving/seededRandom.js';
import type { JournalKind } from './cluster.js';
import { faults } from './faults/index.js';
import { operationKinds, type OperationKind } from './operations/index.js';

/** The clients by the servers that they reach: both servers, the first of them through proxies, or one server. */
export const clientNames = ['both', 'first', 'second'] as const;

export type ClientName = (typeof clientNames)[number];

/** The contents of a round, without the moments. */
export interface RoundPlan {
  readonly seed: number;
  readonly journal: JournalKind;
  readonly faults: readonly string[];
  readonly clients: readonly ClientName[];
  readonly operations: readonly OperationKind[];
  /** Calls that a client makes at a time. */
  readonly lanes: number;
}

/** The number of rounds that one cluster takes; more rows would slow it down. */
export const roundsPerCluster = 30;

/** One of four clusters has a replicated journal. */
const journalOf = (seed: number): JournalKind =>
  Math.floor(seed / roundsPerCluster) % 4 === 3 ? 'replicated' : 'alone';

/** Draws one fault, or two faults of different places that overlap. */
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
