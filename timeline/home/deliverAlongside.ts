import type { Flock } from '../../flock/index.js';
import type { NewJob } from '../../gizzard/index.js';
import type { Tbird } from '../../tbird/index.js';
import type { TimelineGraphs } from './audience.js';
import { deliveryJobKind, encodeDelivery, firstCursor, type Delivery } from './deliveryPayload.js';
import { followsChanged, type Follow } from './followJob.js';

/**
 * Has deliveries journalled with the tweets that bring them about, in the same step: either both are accepted, or neither. Follows and blocks bring about their jobs once
 * they are applied. Mass operations on a user's edges are seen at the next read, and leave entries to the trims.
 */
export function deliverAlongside(tbird: Tbird, flock: Flock, graphs: () => TimelineGraphs): void {
  tbird.alongside(({ created, deleted, undeleted }) => [
    ...created.map((id) => delivery('push', id)),
    ...undeleted.map((id) => delivery('restore', id)),
    ...deleted.map((id) => delivery('remove', id)),
  ]);
  flock.onApplied((edges) => {
    const { follows, blocks } = graphs();
    const changed: Follow[] = [];
    for (const { tableId, sourceId, destinationId } of edges) {
      if (tableId !== follows && tableId !== blocks) continue;
      changed.push({ readerId: sourceId, authorId: destinationId });
      if (tableId === blocks) changed.push({ readerId: destinationId, authorId: sourceId });
    }
    return changed.length === 0 ? [] : [followsChanged(changed)];
  });
}

const delivery = (op: Delivery['op'], tweetId: bigint): NewJob => ({
  kind: deliveryJobKind,
  payload: encodeDelivery({ op, tweetId, cursor: firstCursor }),
});
