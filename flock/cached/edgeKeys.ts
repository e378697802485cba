import type { IdPair } from '../storage/readEdges.js';

/** A node's key in the caches: the table says graph and direction. */
export const nodeKey = (tableId: number, id: bigint): string => `${tableId}:${id}`;

export function parseNodeKey(key: string): { readonly tableId: number; readonly id: bigint } {
  const [tableId, id] = key.split(':');
  return { tableId: Number(tableId), id: BigInt(id!) };
}

/** An edge's key: its graph, and its ends. */
export const edgeKey = (graphId: number, [sourceId, destinationId]: IdPair): string =>
  `${graphId}:${sourceId}:${destinationId}`;

export function parseEdgeKey(key: string): { readonly graphId: number; readonly pair: IdPair } {
  const [graphId, sourceId, destinationId] = key.split(':');
  return { graphId: Number(graphId), pair: [BigInt(sourceId!), BigInt(destinationId!)] };
}
