import { type CheckOptions, type CheckReport, shownFaults } from '../../cluster/index.js';
import type { Flock } from '../flock.js';
import { tableIdOf } from '../graphs.js';
import type { GraphFault } from './checkGraph.js';

/** Checks every graph in turn: see `checkGraph`. Repairs are journaled, and a server applies them. */
export async function checkGraphs(
  flock: Flock,
  { repair = false, settleMs, signal, onProgress }: CheckOptions,
): Promise<CheckReport> {
  const found: string[] = [];
  const remedies = new Set<string>();
  let [rows, nodes, faults, repaired] = [0, 0, 0, 0];
  const graphs = flock.graphs();
  for (const { id, name } of graphs) {
    const before = rows;
    const report = await flock.check(id, {
      repair,
      ...(settleMs !== undefined && { settleMs }),
      ...(signal && { signal }),
      ...(onProgress && { onProgress: (now) => onProgress(before + now.rows) }),
    });
    rows += report.rows;
    nodes += report.nodes;
    faults += report.faults;
    const strays = report.found.filter(({ kind }) => kind === 'stray');
    for (const { direction } of strays) remedies.add(`roost shard strays --table=${tableIdOf(id, direction)} --fix`);
    if (repair) repaired += report.faults - strays.length;
    found.push(...report.found.slice(0, shownFaults).map((fault) => `${name}: ${graphFaultText(fault)}`));
  }
  return {
    looked: `${rows} rows and ${nodes} nodes of ${graphs.length} ${graphs.length === 1 ? 'graph' : 'graphs'}`,
    faults,
    repaired,
    found: found.slice(0, shownFaults),
    remedies: [...remedies],
  };
}

/** A fault in one line, for people. */
export function graphFaultText({ kind, direction, id, otherId, details, repaired }: GraphFault): string {
  const what = otherId === undefined ? `${kind} of ${direction} ${id}` : `${direction} ${id} → ${otherId}`;
  return `${what}: ${details.join('; ')}${repaired ? ' (being repaired)' : ''}`;
}
