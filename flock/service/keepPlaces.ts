import { limits } from '../../core/index.js';
import { type FlockService } from '../flockService.js';
import type { Unplaced } from './compileExecute.js';

/** A write waits no longer than this for the places of its edges. */
const lookDeadlineMs = 1_000;

/**
 * Has edges that are written without a position stay where they are, as in FlockDB: added ones that are normal or archived, and others whatever they are. The rest stands at the default position. The edges are read here,
 * so that the journal holds plain positions, which merge in any order; a write of the same edge that is still in the journal is not seen. Where no replica can be read, the write
 * counts for more than its place: all of them get the default.
 */
export async function keepPlaces(flock: Pick<FlockService, 'edges'>, unplaced: readonly Unplaced[]): Promise<void> {
  await Promise.all(
    unplaced.map(async ({ edges: { graphId, operations, sourceIds, destinationIds, positions }, places }) => {
      for (let start = 0; start < places.length; start += limits.idsPerCall) {
        const some = places.slice(start, start + limits.idsPerCall);
        const column = (ids: BigInt64Array): BigInt64Array => BigInt64Array.from(some, (place) => ids[place]!);
        const found = await flock
          .edges(graphId, column(sourceIds), column(destinationIds), { deadlineMs: lookDeadlineMs })
          .catch(() => []);
        found.forEach((edge, i) => {
          if (edge === undefined) return;
          const place = some[i]!;
          const operation = typeof operations === 'string' ? operations : operations[place];
          if (operation !== 'add' || edge.state === 'normal' || edge.state === 'archived')
            positions[place] = edge.position;
        });
      }
    }),
  );
}
