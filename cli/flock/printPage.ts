import type { Edge, NodeEdgePage, NodeIdPage, NodeQuery } from '../../sdk/index.js';
import type { CliIo } from '../console/cliIo.js';
import { outputFor } from '../console/command.js';
import type { Output } from '../console/output.js';
import type { PageFlags } from './askOptions.js';

export async function printPage(io: CliIo, query: NodeQuery, options: PageFlags): Promise<void> {
  const { ids, ...rest } = await query.page({ count: options.count, cursor: options.cursor });
  const output = outputFor(io, options);
  output.result(
    { ids: [...ids], ...rest },
    () => `${ids.length === 0 ? 'none' : ids.join('\n')}${pageEnd(output, rest)}`,
  );
}

export async function printEdgePage(io: CliIo, query: NodeQuery, options: PageFlags): Promise<void> {
  const page = await query.edgePage({ count: options.count, cursor: options.cursor });
  const output = outputFor(io, options);
  output.result(
    page,
    () => `${page.edges.length === 0 ? 'none' : edgeTable(output, page.edges)}${pageEnd(output, page)}`,
  );
}

/** The lines after the entries of a page: whether the page is whole, and the commands for its neighbors. */
export function pageEnd(
  output: Output,
  {
    next,
    previous,
    partial = false,
  }: Pick<NodeIdPage & NodeEdgePage, 'next' | 'previous'> & { readonly partial?: boolean },
): string {
  const parts = [
    ...(partial ? ['partial: the query used up its time or rows, and goes on with the next page'] : []),
    ...(next === undefined ? [] : [`next page: --cursor ${next}`]),
    ...(previous === undefined ? [] : [`previous page: --cursor ${previous}`]),
  ];
  return parts.length === 0 ? '' : `\n${output.dim(parts.join(' · '))}`;
}

export function edgeTable(output: Output, edges: readonly Edge[]): string {
  const rows = edges.map(({ sourceId, destinationId, position, updatedAt, state }) => [
    String(sourceId),
    String(destinationId),
    state,
    String(position),
    timeText(updatedAt),
  ]);
  return output.table(['source', 'destination', 'state', 'position', 'updated'], rows);
}

export const timeText = (micros: bigint): string => new Date(Number(micros / 1_000n)).toISOString();
