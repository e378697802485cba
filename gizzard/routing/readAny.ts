import { RoostError, type Deadline, type ErrorCode } from '../../core/index.js';
import { shardKey } from '../topology/types.js';
import { readOrder, type Leaf, type Route } from './route.js';

/**
 * Reads from one replica: the first in `readOrder` that answers. A replica that fails is passed over; while others are left it may use
 * at most half of the time that remains, so that a host that hangs cannot use up the deadline.
 *
 * When all failed, throws with the code that they agree on, else `Unavailable`, and lists what each said; `DeadlineExceeded` when the time is up;
 * `Unavailable` where none may be read; `InvalidArgument` at once, since no other replica would answer differently.
 */
export async function readAny<T>(
  route: Route,
  deadline: Deadline,
  isHealthy: (hostname: string) => boolean,
  read: (leaf: Leaf, deadline: Deadline) => Promise<T>,
): Promise<T> {
  const order = readOrder(route, isHealthy);
  const said: string[] = [];
  const codes = new Set<ErrorCode>();
  let last: RoostError | undefined;
  for (const [index, leaf] of order.entries()) {
    if (deadline.passed) {
      said.push(`${leaf.key}: not asked, the deadline had passed`);
      continue;
    }
    try {
      return await read(leaf, index < order.length - 1 ? deadline.within(deadline.remainingMs() / 2) : deadline);
    } catch (error) {
      last = RoostError.from(error);
      if (last.code === 'InvalidArgument') throw last;
      codes.add(last.code);
      said.push(`${leaf.key}: ${last.message}`);
    }
  }
  const root = shardKey(route.root.id);
  if (order.length === 0) {
    const why = route.leaves.some((leaf) => leaf.read === 'deny') ? 'all of its replicas are blocked for reads' : 'it has no replica that serves reads';
    throw new RoostError('Unavailable', `shard ${root} cannot be read: ${why}`, { fields: { shard: root } });
  }
  const code = deadline.passed ? 'DeadlineExceeded' : codes.size === 1 ? last!.code : 'Unavailable';
  throw new RoostError(code, `no replica of shard ${root} answered: ${said.join('; ')}`, { cause: last, fields: { shard: root } });
}
