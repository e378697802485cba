import type { RolesOf } from '../../access/index.js';
import type { RoostFlockModule } from '../../wire/index.js';

const reads = (...graphs: readonly string[]) => ({ role: 'read', graphs }) as const;
const writes = (...graphs: readonly string[]) => ({ role: 'write', graphs }) as const;

/** Roles that the methods need, and where a call names its graphs. */
export const flockRoles: RolesOf<RoostFlockModule.Client> = {
  server_info: 'any',
  journal_status: 'any',
  journal_time: 'any',
  list_graphs: reads(),

  contains: reads('1'),
  get: reads('1'),
  get_metadata: reads('1'),
  contains_metadata: reads('1'),
  count: reads('0.*.term.graph_id'),
  count2: reads('0.*.*.term.graph_id'),
  select: reads('0.*.term.graph_id'),
  select2: reads('0.*.operations.*.term.graph_id'),
  select_edges: reads('0.*.term.graph_id'),

  edge_states: reads('0'),
  edges: reads('0'),
  counts: reads('0'),
  nodes: reads('0'),
  locate: reads('0'),
  newest_edges: reads('0.graph_id'),
  select_edge_page: reads('0.term.graph_id'),
  select_page: reads('0.operations.*.term.graph_id'),
  select_pages: reads('0.*.operations.*.term.graph_id'),
  explain: reads('0.operations.*.term.graph_id'),
  count_query: reads('0.*.term.graph_id'),

  execute: writes('0.operations.*.term.graph_id'),
  write_edges: writes('0.graph_id'),
  write_batch: writes('0.*.edges.graph_id', '0.*.node.graph_id'),
};
