import { generateEdges } from '../cli/edges/generateEdges.js';

export interface Columns {
  readonly sourceIds: BigInt64Array;
  readonly destinationIds: BigInt64Array;
}

/** Generates a graph as columns, in which few users have most of the followers. */
export function generatedColumns(edgeCount: number, seed: number): Columns {
  const sourceIds = new BigInt64Array(edgeCount);
  const destinationIds = new BigInt64Array(edgeCount);
  let i = 0;
  for (const line of generateEdges({ edgeCount, userCount: Math.ceil(edgeCount / 4), seed })) {
    const [source, destination] = line.trim().split(' ');
    sourceIds[i] = BigInt(source!);
    destinationIds[i++] = BigInt(destination!);
  }
  return { sourceIds, destinationIds };
}
