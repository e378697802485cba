import type { Explanation } from './values/graph.js';
import type { RoostTypes } from './generated.js';
import { idPageFromThrift, idPageToThrift } from './idPages.js';
import { jsonReady } from './jsonReady.js';

export const explanationToThrift = ({
  plan,
  estimate,
  page,
  rowsRead,
  tookMs,
  steps,
}: Explanation): RoostTypes.Explanation => ({
  plan,
  estimate,
  page: idPageToThrift(page),
  rows_read: rowsRead,
  took_ms: tookMs,
  steps: steps.map(({ tookMs: took, ...step }) => ({ ...step, took_ms: took })),
});

export const explanationFromThrift = ({
  plan,
  estimate,
  page,
  rows_read,
  took_ms,
  steps,
}: RoostTypes.Explanation): Explanation =>
  jsonReady({
    plan,
    estimate,
    page: idPageFromThrift(page),
    rowsRead: rows_read,
    tookMs: took_ms,
    steps: steps.map(({ kind, shard, host, asked, rows, took_ms: took }) => ({
      kind,
      shard,
      host,
      asked,
      rows,
      tookMs: took,
    })),
  });
