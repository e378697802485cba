import { chunks, groupBy, type IdInput, limits, parseId, parseInt64, RoostError } from '../../core/index.js';
import { type BatchedWrite, type EdgeWrites, type NodeWrite, type Operation } from '../../wire/index.js';
import { timeOfSecond } from '../wholeSeconds.js';
import type { Unplaced } from './compileExecute.js';

/*
 * FlockDB's jobs as JSON, so that its queues can be replayed here and its clusters replicate to this one: an object with one key, the name of a class, of which the end counts.
 * Below it stands one write of an edge, a mass operation, or under "tasks" a list of such objects. Attributes of retries are passed over.
 */

export interface OriginalEdge {
  readonly graphId: number;
  readonly operation: Operation;
  readonly sourceId: bigint;
  readonly destinationId: bigint;
  readonly position: bigint;
  readonly time: bigint;
}

export interface OriginalJobs {
  readonly edges: readonly OriginalEdge[];
  readonly nodes: readonly NodeWrite[];
  /** Whether another cluster made them, so that they go no further. */
  readonly replicated: boolean;
}

/** FlockDB's jobs nest once; a few levels more harm nobody. */
const maxDepth = 8;

const nested = /(?:^|\.)(?:JsonNestedJob|ReplicatedJob|JobWithTasks|SchedulableWithTasks)$/;
const single = /(?:^|\.)single\.(Single|Add|Remove|Archive|Negate)$/;
const multi = /(?:^|\.)multi\.(Multi|Archive|Unarchive|RemoveAll|Negate)$/;

const firstKey = /^\s*\{\s*"([\w.$]{1,200})"\s*:/;

/** What the classes of before 2011 do; their successors say so in their state. */
const operationOfClass: Readonly<Record<string, Operation>> = {
  Add: 'add',
  Remove: 'remove',
  Archive: 'archive',
  Negate: 'negate',
  Unarchive: 'add',
  RemoveAll: 'remove',
};
/** By FlockDB's number of the state. */
const operationOfState: readonly Operation[] = ['add', 'remove', 'archive', 'negate'];

type Attributes = Readonly<Record<string, unknown>>;

/** Undefined for what is not named like a job of FlockDB. Throws `InvalidArgument` for one that cannot be read. */
export function flockdbJobs(text: string): OriginalJobs | undefined {
  const name = firstKey.exec(text)?.[1];
  if (name === undefined || ![nested, single, multi].some((known) => known.test(name))) return undefined;
  const found = { edges: [] as OriginalEdge[], nodes: [] as NodeWrite[], replicated: false };
  read(parseExactly(text), found, 0);
  return found;
}

/** The writes of some jobs, and which of their edges keep a place they have: FlockDB used a job's position for new edges, and for removed and negative ones that become normal. */
export function writesOf(jobs: readonly OriginalJobs[]): {
  readonly batch: readonly BatchedWrite[];
  readonly unplaced: readonly Unplaced[];
} {
  const byGraph = groupBy(
    jobs.flatMap(({ edges }) => edges),
    ({ graphId }) => graphId,
  );
  const unplaced: Unplaced[] = [];
  for (const [graphId, all] of byGraph) {
    for (const edges of chunks(all, limits.operationsPerWrite)) {
      unplaced.push({ edges: columnsOf(graphId, edges), places: [...edges.keys()] });
    }
  }
  return {
    batch: [
      ...unplaced.map(({ edges }) => ({ edges })),
      ...jobs.flatMap(({ nodes }) => nodes.map((node) => ({ node }))),
    ],
    unplaced,
  };
}

const columnsOf = (
  graphId: number,
  edges: readonly OriginalEdge[],
): EdgeWrites & { readonly positions: BigInt64Array } => ({
  graphId,
  operations: edges.map(({ operation }) => operation),
  sourceIds: BigInt64Array.from(edges, ({ sourceId }) => sourceId),
  destinationIds: BigInt64Array.from(edges, ({ destinationId }) => destinationId),
  positions: BigInt64Array.from(edges, ({ position }) => position),
  times: BigInt64Array.from(edges, ({ time }) => time),
});

function read(
  job: unknown,
  found: { edges: OriginalEdge[]; nodes: NodeWrite[]; replicated: boolean },
  depth: number,
): void {
  const [entry, second] = isObject(job) ? Object.entries(job) : [];
  if (entry === undefined || second !== undefined) throw invalid('it is an object with one key, the name of a class');
  const [name, attributes] = entry;
  if (!isObject(attributes)) throw invalid(`the attributes of ${JSON.stringify(name.slice(0, 100))} are an object`);
  if (nested.test(name)) {
    if (depth === maxDepth) throw invalid(`tasks stand at most ${maxDepth} levels deep`);
    const { tasks } = attributes;
    if (!Array.isArray(tasks)) throw invalid('tasks is a list');
    if (name.endsWith('ReplicatedJob')) found.replicated = true;
    for (const task of tasks) read(task, found, depth + 1);
    return;
  }
  const singleClass = single.exec(name)?.[1];
  const multiClass = multi.exec(name)?.[1];
  if (singleClass !== undefined) found.edges.push(edgeOf(attributes, singleClass));
  else if (multiClass !== undefined) found.nodes.push(nodeOf(attributes, multiClass));
  else
    throw invalid(
      `there is no class ${JSON.stringify(name.slice(0, 100))}: there are single.Single and multi.Multi, their forms of before, and lists of these`,
    );
  if (found.edges.length > limits.operationsPerWrite || found.nodes.length > limits.operationsPerWrite)
    throw invalid(`a job holds at most ${limits.operationsPerWrite} of them`);
}

function edgeOf(attributes: Attributes, className: string): OriginalEdge {
  const operation = operationOf(attributes, className);
  return {
    graphId: graphOf(attributes),
    operation,
    sourceId: parseId(attributes['source_id'] as IdInput, 'source_id'),
    destinationId: parseId(attributes['destination_id'] as IdInput, 'destination_id'),
    position: parseInt64(attributes['position'] as IdInput, 'position'),
    time: timeOf(attributes, operation),
  };
}

function nodeOf(attributes: Attributes, className: string): NodeWrite {
  const operation = operationOf(attributes, className);
  const { direction } = attributes;
  if (direction !== 0 && direction !== 1) throw invalid('direction is 0 (forward) or 1 (backward)');
  return {
    graphId: graphOf(attributes),
    id: parseId(attributes['source_id'] as IdInput, 'source_id'),
    direction: direction === 0 ? 'forward' : 'backward',
    operation,
    time: timeOf(attributes, operation),
  };
}

function operationOf({ state }: Attributes, className: string): Operation {
  const operation =
    operationOfClass[className] ?? (Number.isInteger(state) ? operationOfState[state as number] : undefined);
  if (operation === undefined) throw invalid('state is 0 (normal), 1 (removed), 2 (archived) or 3 (negative)');
  return operation;
}

function graphOf({ graph_id: graphId }: Attributes): number {
  if (Number.isInteger(graphId) && (graphId as number) > 0 && (graphId as number) < 2 ** 31) return graphId as number;
  throw invalid('graph_id is an integer from 1 to 2^31 − 1');
}

const timeOf = ({ updated_at: updatedAt }: Attributes, operation: Operation): bigint =>
  timeOfSecond(operation, parseId(updatedAt as IdInput, 'updated_at'));

/** Ids are of 64 bits, and JSON's parser would round them: integers of 16 digits and more are read as texts. */
function parseExactly(text: string): unknown {
  try {
    return JSON.parse(
      text.replaceAll(/"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g, (part) =>
        part.startsWith('"') ? part : `"${part}"`,
      ),
    );
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Attributes =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', `a job of FlockDB: ${message}`);
