import { limits, parseId, RoostError, type IdInput } from '../core/index.js';
import type { BatchedWrite, Direction, Operation } from '../wire/index.js';
import { checkedWrite, shapeOf, toColumns, type EdgeOptions, type EdgeWrite } from './edgeBatch.js';

/** Options of a mass operation. */
export interface NodeOptions {
  /** The node's outgoing edges, its incoming ones, or both. Absent: forward. */
  readonly direction?: Direction | 'both';
  /**
   * Time of the operation, in microseconds since 1970. Absent: the time of acceptance, later than all earlier writes.
   */
  readonly at?: IdInput;
}

type StateOptions = Omit<EdgeOptions, 'position'>;

/** Operations that are accepted together and in order: all or none. */
export class Batch {
  /** Runs of edges of one graph and shape, with mass operations between them. */
  readonly #runs: (
    { readonly graphId: number; shape: string; readonly edges: EdgeWrite[] } | Extract<BatchedWrite, { node: unknown }>
  )[] = [];
  #count = 0;

  /** Adds operations on one graph. */
  in(graph: { readonly id: number }): GraphBatch {
    return new GraphBatch(graph.id, this);
  }

  /** The collected operations, as the wire carries them. */
  writes(): BatchedWrite[] {
    return this.#runs.map((run) => ('node' in run ? run : { edges: toColumns(run.graphId, run.edges) }));
  }

  /** Throws `InvalidArgument`. */
  edge(graphId: number, operation: Operation, source: IdInput, destination: IdInput, options: EdgeOptions): void {
    const write = checkedWrite(operation, source, destination, options);
    this.#grow();
    const shape = shapeOf(write);
    const last = this.#runs.at(-1);
    if (last !== undefined && !('node' in last) && last.graphId === graphId && last.shape === shape)
      last.edges.push(write);
    else this.#runs.push({ graphId, shape, edges: [write] });
  }

  /** Throws `InvalidArgument`. */
  node(graphId: number, operation: Operation, id: IdInput, { direction = 'forward', at }: NodeOptions): void {
    const time = at === undefined ? {} : { time: parseId(at, 'at') };
    for (const each of directionsOf(direction)) {
      this.#grow();
      this.#runs.push({ node: { graphId, id: parseId(id), direction: each, operation, ...time } });
    }
  }

  #grow(): void {
    this.#count++;
    if (this.#count > limits.operationsPerWrite)
      throw new RoostError('InvalidArgument', `a batch holds at most ${limits.operationsPerWrite} operations`);
  }
}

/** The operations of one graph in a batch. */
export class GraphBatch {
  constructor(
    private readonly graphId: number,
    private readonly batch: Batch,
  ) {}

  add(source: IdInput, destination: IdInput, options: EdgeOptions = {}): this {
    return this.#edge('add', source, destination, options);
  }

  remove(source: IdInput, destination: IdInput, options: StateOptions = {}): this {
    return this.#edge('remove', source, destination, options);
  }

  archive(source: IdInput, destination: IdInput, options: StateOptions = {}): this {
    return this.#edge('archive', source, destination, options);
  }

  negate(source: IdInput, destination: IdInput, options: EdgeOptions = {}): this {
    return this.#edge('negate', source, destination, options);
  }

  addAll(id: IdInput, options: NodeOptions = {}): this {
    return this.#node('add', id, options);
  }

  removeAll(id: IdInput, options: NodeOptions = {}): this {
    return this.#node('remove', id, options);
  }

  archiveAll(id: IdInput, options: NodeOptions = {}): this {
    return this.#node('archive', id, options);
  }

  negateAll(id: IdInput, options: NodeOptions = {}): this {
    return this.#node('negate', id, options);
  }

  #edge(operation: Operation, source: IdInput, destination: IdInput, options: EdgeOptions): this {
    this.batch.edge(this.graphId, operation, source, destination, options);
    return this;
  }

  #node(operation: Operation, id: IdInput, options: NodeOptions): this {
    this.batch.node(this.graphId, operation, id, options);
    return this;
  }
}

function directionsOf(direction: Direction | 'both'): readonly Direction[] {
  if (direction === 'both') return ['forward', 'backward'];
  // Callers in plain JavaScript may pass anything.
  if (direction === 'forward' || direction === 'backward') return [direction];
  throw new RoostError(
    'InvalidArgument',
    `direction must be forward, backward or both, not ${JSON.stringify(direction)}`,
    { fields: { argument: 'direction' } },
  );
}
