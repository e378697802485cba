import { isRoostError, RoostError, type Deadline } from '../../core/index.js';
import { shardKey } from '../topology/types.js';
import { readOrder, type Leaf, type Route } from './route.js';

/**
 * Reads from one replica: the first in `readOrder` that answers. A replica that fails is passed over; while others are left it may use
 * at most half of the time that remains, so that a host that hangs cannot use up the deadline.
 *
 * Throws `Unavailable`, listing what each replica said, when all failed or none may be read; `InvalidArgument` at once, since no other replica would answer differently.
 */
export async function readAny<T>(
  route: Route,
  deadline: Deadline,
  isHealthy: (hostname: string) => boolean,
  read: (leaf: Leaf, deadline: Deadline) => Promise<T>,
): Promise<T> {
  const order = readOrder(route, isHealthy);
  const said: string[] = [];
  let last: unknown;
  for (const [index, leaf] of order.entries()) {
    if (deadline.passed) break;
    try {
      return await read(leaf, index < order.length - 1 ? deadline.within(deadline.remainingMs() / 2) : deadline);
    } catch (error) {
      if (isRoostError(error, 'InvalidArgument')) throw error;
      last = error;
      said.push(`${leaf.key}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const root = shardKey(route.root.id);
  if (order.length === 0) {
    const why = route.leaves.some((leaf) => leaf.read === 'deny') ? 'all of its replicas are blocked for reads' : 'it has no replica that serves reads';
    throw new RoostError('Unavailable', `shard ${root} cannot be read: ${why}`, { fields: { shard: root } });
  }
  const code = isRoostError(last, 'DeadlineExceeded') && deadline.passed ? 'DeadlineExceeded' : 'Unavailable';
  throw new RoostError(code, `no replica of shard ${root} answered: ${said.join('; ')}`, { cause: last, fields: { shard: root } });
}
