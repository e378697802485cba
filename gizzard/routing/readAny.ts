import { RoostError, type Deadline, type ErrorCode } from '../../core/index.js';
import { shardKey } from '../topology/types.js';
import type { Hedge } from './hedge.js';
import { readOrder, type Leaf, type Route } from './route.js';

/**
 * Reads from one replica: the first in `readOrder` that answers. A failing replica is skipped. While others are left,
 * a replica gets at most half of the remaining time, so that a host that hangs cannot use up the deadline. With an
 * enabled `hedge`, a slow replica leads to asking the next one as well, and the first answer counts; lagging replicas
 * are never asked for that.
 *
 * If all fail, throws the code that they agree on, else `Unavailable`, with each error listed; `DeadlineExceeded`
 * when the time is up; `Unavailable` if none may be read; `InvalidArgument` at once, since no other replica would
 * differ.
 */
export async function readAny<T>(
  route: Route,
  deadline: Deadline,
  isHealthy: (hostname: string) => boolean,
  read: (leaf: Leaf, deadline: Deadline) => Promise<T>,
  hedge?: Hedge,
  isCurrent: (leaf: string) => boolean = () => true,
): Promise<T> {
  const order = readOrder(route, isHealthy, isCurrent);
  const said: string[] = [];
  const codes = new Set<ErrorCode>();
  let last: RoostError | undefined;
  let next = 0;
  const ask = (leaf: Leaf): Promise<T> => {
    const share = next < order.length ? deadline.within(deadline.remainingMs() / 2) : deadline;
    return hedge?.enabled === true ? observed(hedge, leaf, () => read(leaf, share)) : read(leaf, share);
  };
  const failed = (leaf: Leaf, error: unknown): void => {
    last = RoostError.from(error);
    if (last.code === 'InvalidArgument') throw last;
    codes.add(last.code);
    said.push(`${leaf.key}: ${last.message}`);
  };

  while (next < order.length) {
    const leaf = order[next++]!;
    if (deadline.passed) {
      said.push(`${leaf.key}: not asked, the deadline had passed`);
      continue;
    }
    const second = order[next];
    const waitMs =
      hedge?.enabled === true && second !== undefined && isHealthy(second.shard.id.hostname) && isCurrent(second.key)
        ? hedge.begin(leaf.shard.id.hostname)
        : undefined;
    const first = ask(leaf);
    if (waitMs === undefined || !(await isSlow(first, waitMs)) || !hedge!.take()) {
      try {
        return await first;
      } catch (error) {
        failed(leaf, error);
        continue;
      }
    }
    next++;
    const other = ask(second!);
    try {
      const { answer, winner } = await Promise.any([marked(first, 'first'), marked(other, 'second')]);
      hedge!.won(winner);
      return answer;
    } catch (error) {
      const [byFirst, bySecond] = (error as AggregateError).errors as unknown[];
      failed(leaf, byFirst);
      failed(second!, bySecond);
    }
  }
  const root = shardKey(route.root.id);
  if (order.length === 0) {
    const why = route.leaves.some((leaf) => leaf.read === 'deny')
      ? 'all of its replicas are blocked for reads'
      : 'it has no replica that serves reads';
    throw new RoostError('Unavailable', `shard ${root} cannot be read: ${why}`, { fields: { shard: root } });
  }
  const code = deadline.passed ? 'DeadlineExceeded' : codes.size === 1 ? last!.code : 'Unavailable';
  throw new RoostError(code, `no replica of shard ${root} answered: ${said.join('; ')}`, {
    cause: last,
    fields: { shard: root, load: code === 'Overloaded' ? last?.fields['load'] : undefined },
    ...(code === 'Overloaded' && last?.retryAfterMs !== undefined ? { retryAfterMs: last.retryAfterMs } : {}),
  });
}

async function observed<T>(hedge: Hedge, leaf: Leaf, read: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const answer = await read();
  hedge.answered(leaf.shard.id.hostname, performance.now() - startMs);
  return answer;
}

/** Whether a read is still in flight after this time. */
async function isSlow(read: Promise<unknown>, waitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const waited = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), waitMs);
  });
  const settled = (): boolean => false;
  try {
    return await Promise.race([read.then(settled, settled), waited]);
  } finally {
    clearTimeout(timer);
  }
}

const marked = async <T>(read: Promise<T>, winner: 'first' | 'second') => ({ answer: await read, winner });
