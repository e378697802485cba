import type { Graph, NodeLocation, StateCounts } from '../../sdk/index.js';
import type { Degrees } from '../edges/degreeCounter.js';
import { quantile } from '../edges/loadEdges.js';

export interface Tour {
  readonly mostFollowed: readonly { readonly id: bigint; readonly followers: bigint; readonly following: bigint }[];
  /**
   * Whether `source` follows `destination`, for two users in both directions. The first pair comes from a page of
   * followers, so its answer is yes.
   */
  readonly contains: readonly { readonly source: bigint; readonly destination: bigint; readonly contains: boolean }[];
  /** The common followers of the two most followed users; absent if only one user is followed. */
  readonly common:
    { readonly a: bigint; readonly b: bigint; readonly count: bigint; readonly first: readonly bigint[] } | undefined;
  readonly home: { readonly id: bigint; readonly locations: readonly NodeLocation[] };
  readonly counts: { readonly id: bigint; readonly forward: StateCounts; readonly backward: StateCounts };
  /** Latency of single calls of `contains`, made in sequence. */
  readonly containsMs: { readonly calls: number; readonly p50: number; readonly p99: number };
}

const shown = 5;
const timedCalls = 200;

/**
 * Asks the graph a newcomer's questions. The file chooses the users to ask about; every answer comes from the server.
 */
export async function takeTour(graph: Graph, degrees: Degrees): Promise<Tour> {
  const byFollowers = Array.from(degrees.inDegrees.keys()).sort(
    (a, b) => degrees.inDegrees[b]! - degrees.inDegrees[a]!,
  );
  const top = byFollowers.slice(0, shown).map((index) => degrees.ids[index]!);
  const [a, b] = [top[0]!, top[1]];
  const mostFollowed = await Promise.all(
    top.map(async (id) => ({
      id,
      followers: await graph.count(id, { direction: 'backward' }),
      following: await graph.count(id),
    })),
  );
  const follower = (await graph.to(a).ids(1))[0];
  const pairs = follower === undefined ? [] : [[follower, a] as const, [a, follower] as const];
  const contains = await Promise.all(
    pairs.map(async ([source, destination]) => ({
      source,
      destination,
      contains: await graph.contains(source, destination),
    })),
  );
  const [forward, backward] = await Promise.all([graph.counts(a), graph.counts(a, { direction: 'backward' })]);
  return {
    mostFollowed,
    contains,
    common:
      b === undefined || degrees.inDegrees[byFollowers[1]!] === 0 ? undefined : await commonFollowers(graph, a, b),
    home: { id: a, locations: await graph.locate(a) },
    counts: { id: a, forward, backward },
    containsMs: await timeContains(graph, degrees.ids),
  };
}

async function commonFollowers(graph: Graph, a: bigint, b: bigint): Promise<Tour['common']> {
  const both = graph.to(a).intersect(graph.to(b));
  const [count, page] = await Promise.all([both.count(), both.page({ count: shown })]);
  return { a, b, count, first: [...page.ids] };
}

async function timeContains(graph: Graph, ids: BigInt64Array): Promise<Tour['containsMs']> {
  const times: number[] = [];
  for (let i = 0; i < timedCalls; i += 1) {
    const startedMs = performance.now();
    await graph.contains(ids[(i * 7) % ids.length]!, ids[(i * 13) % ids.length]!);
    times.push(performance.now() - startedMs);
  }
  times.sort((a, b) => a - b);
  return { calls: timedCalls, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}
