import { RoostError, type Priority } from '../core/index.js';
import { AcknowledgmentNumber, ExecuteOperationType, PriorityNumber } from './generated.js';
import type { Operation } from './values/graph.js';
import type { Acknowledgment } from './values/options.js';

/** Names of ours and their numbers on the wire. Both ways throw `InvalidArgument` for what is not in the table. */
class Numbers<Name extends string> {
  readonly #names: ReadonlyMap<number, Name>;

  constructor(
    private readonly what: string,
    private readonly numbers: Readonly<Record<Name, number>>,
  ) {
    this.#names = new Map(Object.entries(numbers).map(([name, number]) => [number as number, name as Name]));
  }

  toNumber(name: Name): number {
    // Callers in plain JavaScript may pass anything.
    const number = Object.hasOwn(this.numbers, name) ? this.numbers[name] : undefined;
    if (number === undefined)
      throw new RoostError(
        'InvalidArgument',
        `${this.what} must be one of ${Object.keys(this.numbers).join(', ')}, not ${JSON.stringify(name)}`,
      );
    return number;
  }

  toName(number: number): Name {
    const name = this.#names.get(number);
    if (name === undefined)
      throw new RoostError(
        'InvalidArgument',
        `there is no ${this.what} ${number}: use ${[...this.#names].map(([known, text]) => `${known} (${text})`).join(', ')}`,
      );
    return name;
  }
}

export const operationNumbers = new Numbers<Operation>('operation', {
  add: ExecuteOperationType.Add,
  remove: ExecuteOperationType.Remove,
  archive: ExecuteOperationType.Archive,
  negate: ExecuteOperationType.Negate,
});

export const priorityNumbers = new Numbers<Priority>('priority', {
  low: PriorityNumber.Low,
  medium: PriorityNumber.Medium,
  high: PriorityNumber.High,
});

export const acknowledgmentNumbers = new Numbers<Acknowledgment>('acknowledgment', {
  journaled: AcknowledgmentNumber.Journaled,
  materialized: AcknowledgmentNumber.Materialized,
});
