import type { Leaf } from '../../gizzard/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import { applyEdges } from './applyEdges.js';
import { sweepPage } from './applyNode.js';

/** How the rows of edges are changed: in the tables alone, or by way of the caches. */
export interface EdgeWriter {
  readonly applyEdges: (...write: [...Parameters<typeof applyEdges>, leaf: Leaf]) => ReturnType<typeof applyEdges>;
  readonly sweepPage: typeof sweepPage;
  /** Makes caches forget edges that a replica lacks. */
  readonly forgetEdges: (records: readonly EdgeRecord[]) => Promise<void>;
}

export const tablesAlone: EdgeWriter = { applyEdges, sweepPage, forgetEdges: () => Promise.resolve() };
