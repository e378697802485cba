import type { Flock } from '../../flock/index.js';
import type { Tbird } from '../../tbird/index.js';
import { activityChanged } from '../activity/activityJob.js';
import type { StoredGraphs } from '../timelineGraphs.js';
import { newDelivery } from './deliveryPayload.js';
import { followsChanged, type Follow } from './followPayload.js';

/**
 * Journals deliveries together with their tweets: both are accepted, or neither. Changes of follows, blocks and
 * unwanted retweets journal their jobs once they are applied. Mass operations on a user's edges take effect at the
 * next read, and leave entries to the trims.
 *
 * @param graphs undefined while there are no timelines: nothing is delivered then, and other writes go on
 */
export function deliverAlongside(tbird: Tbird, flock: Flock, graphs: () => StoredGraphs | undefined): void {
  tbird.alongside(({ created, deleted, undeleted }) =>
    graphs() === undefined
      ? []
      : [
          ...created.map((id) => newDelivery('push', id)),
          ...undeleted.map(({ id, time }) => newDelivery('restore', id, time)),
          ...deleted.map(({ id, time }) => newDelivery('remove', id, time)),
        ],
  );
  flock.onApplied((edges) => {
    const present = graphs();
    if (present === undefined) return [];
    const { follows, blocks, retweetsOff } = present;
    const changed: Follow[] = [];
    for (const { tableId, sourceId, destinationId } of edges) {
      if (tableId !== follows && tableId !== blocks && tableId !== retweetsOff) continue;
      changed.push({ readerId: sourceId, authorId: destinationId });
      if (tableId === blocks) changed.push({ readerId: destinationId, authorId: sourceId });
    }
    return [...(changed.length === 0 ? [] : [followsChanged(changed)]), ...activityChanged(edges, present)];
  });
}
