import { z } from 'zod';
import { chunks, inTurns, limits, maxId, maxInt64, minInt64, RoostError } from '../../core/index.js';
import type { NewJob } from '../../gizzard/index.js';
import { unplaced } from '../edgeRecord.js';
import { operationRank, operations, setsPosition } from '../states.js';
import { decodeEdges, encodeEdges, timesOfEdges } from './edgePayload.js';

/*
 * Edge writes as people read and write them:
 *   {"graph": 1, "edges": [{"operation": "add", "source": "1", "destination": "2", "position": "7", "time": "1700000000000000"}]}
 * Numbers may be JSON numbers where those are exact. Without times edges are written when the journal accepts them; without positions, they stand at their times.
 */
const integer = (min: bigint, max: bigint) =>
  z.union([z.int(), z.string().regex(/^-?\d{1,19}$/, 'must be an integer')]).transform((value, context) => {
    const number = BigInt(value);
    if (number >= min && number <= max) return number;
    context.addIssue({ code: 'custom', message: `must be from ${min} to ${max}` });
    return z.NEVER;
  });

const jobSchema = z.strictObject({
  graph: z
    .int()
    .min(1)
    .max(2 ** 31 - 1),
  edges: z.array(z.unknown()).min(1).max(limits.operationsPerWrite),
});
const edgesSchema = z.array(
  z.strictObject({
    operation: z.enum(operations).default('add'),
    source: integer(0n, maxId),
    destination: integer(0n, maxId),
    position: integer(minInt64, maxInt64).optional(),
    time: integer(0n, maxInt64).optional(),
  }),
);
/** Edges that are checked in 2 ms. */
const edgesAtOnce = 1_000;

export async function edgesFromJson(json: unknown): Promise<Pick<NewJob, 'payload' | 'times'>> {
  const { graph, edges: given } = checked(jobSchema, json, (path) => path);
  const parts = await inTurns(chunks(given, edgesAtOnce), (some, part) =>
    checked(edgesSchema, some, ([place, ...path]) => ['edges', part * edgesAtOnce + Number(place), ...path]),
  );
  const edges = parts.flat();
  const times = edges.every(({ time }) => time === undefined)
    ? undefined
    : BigInt64Array.from(edges, ({ time }) => time ?? some('a time'));
  const ranks = edges.map(({ operation }) => operationRank[operation]);
  // If times are given, edges without a position have their time as position.
  const positioned = times !== undefined || edges.some(({ position }) => position !== undefined);
  const positions = positioned
    ? BigInt64Array.from(
        edges,
        ({ position }, i) => position ?? (setsPosition(ranks[i]!) ? (times?.[i] ?? some('a position')) : unplaced),
      )
    : undefined;
  const payload = encodeEdges({
    graphId: graph,
    operations: edges.map(({ operation }) => operation),
    sourceIds: BigInt64Array.from(edges, ({ source }) => source),
    destinationIds: BigInt64Array.from(edges, ({ destination }) => destination),
    ...(positions === undefined ? {} : { positions }),
    ...(times === undefined ? {} : { times }),
  });
  return times === undefined ? { payload, times: timesOfEdges(edges.length) } : { payload };
}

/**
 * Throws `InvalidArgument` with the place of the fault; `placeOf` turns a path in the checked value into one in the
 * job.
 */
function checked<T>(
  schema: z.ZodType<T>,
  value: unknown,
  placeOf: (path: readonly PropertyKey[]) => readonly PropertyKey[],
): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new RoostError(
    'InvalidArgument',
    `the edges of a job: ${placeOf(issue.path).join('.') || 'they'} ${issue.message}`,
    { cause: parsed.error },
  );
}

function some(what: string): never {
  throw new RoostError('InvalidArgument', `the edges of a job: all of them bring ${what}, or none of them does`);
}

export function edgesToJson(payload: Buffer): unknown {
  let graph = 0;
  const edges: object[] = [];
  decodeEdges(payload, ({ tableId, sourceId, destinationId, ownState, position, updatedAt }) => {
    // Each edge comes in both directions.
    if (tableId < 0) return;
    graph = tableId;
    // Operations are listed in the order of the ranks of the states that they set.
    const operation = operations[ownState]!;
    edges.push({
      operation,
      source: String(sourceId),
      destination: String(destinationId),
      ...(setsPosition(ownState) || position !== unplaced ? { position: String(position) } : {}),
      time: String(updatedAt),
    });
  });
  return { graph, edges };
}
