import { applyEdges } from './applyEdges.js';
import { sweepPage } from './applyNode.js';

/** How the rows of edges are changed: in the tables alone, or by way of the caches. */
export interface EdgeWriter {
  readonly applyEdges: typeof applyEdges;
  readonly sweepPage: typeof sweepPage;
}

export const tablesAlone: EdgeWriter = { applyEdges, sweepPage };
