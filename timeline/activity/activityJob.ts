import { limits, RoostError, type Deadline } from '../../core/index.js';
import type { Flock, WrittenEdge } from '../../flock/index.js';
import { requirePayloadVersion, type ClusterJobType, type FollowUp } from '../../gizzard/index.js';
import type { Tbird } from '../../tbird/index.js';
import { until, type Tweet } from '../../wire/index.js';
import { authorAt, keyBytes, type TimelineEntry } from '../entry.js';
import { homeEntry } from '../home/homeEntry.js';
import { writeOf } from '../jobs/timelinePayload.js';
import { blockedWith } from '../kinds/blockedWith.js';
import { tweetsById } from '../kinds/tweetsById.js';
import type { StoredGraphs } from '../timelineGraphs.js';
import type { Timelines } from '../timelines.js';
import { activityEntry, activityIdAt, actorAt, objectAt } from './activityEntry.js';
import { activityOfTweet, authorsOfOriginals } from './activityOfTweets.js';

export const activityJobKind = 'timelines.activity';

const roles = ['follows', 'favorites', 'blocks', 'mentions'] as const;

/** A changed edge that may affect somebody's activity. */
interface ChangedEdge {
  readonly role: (typeof roles)[number];
  readonly sourceId: bigint;
  readonly destinationId: bigint;
}

/** u8 version · per edge u8 role · i64 source · i64 destination, little-endian. */
const version = 1;
const edgeBytes = 17;

/** The job for those edges that are activity, or hide it; none if there are none. */
export function activityChanged(edges: readonly WrittenEdge[], graphs: StoredGraphs): FollowUp[] {
  const roleOf = new Map(roles.map((role, place) => [graphs[role], place]));
  const payload: Buffer[] = [Buffer.from([version])];
  for (const { tableId, sourceId, destinationId } of edges) {
    const role = roleOf.get(tableId);
    if (role !== undefined) payload.push(Buffer.from([role]), keyBytes(sourceId), keyBytes(destinationId));
  }
  return payload.length === 1 ? [] : [{ kind: activityJobKind, payload: Buffer.concat(payload), priority: 'medium' }];
}

function decode(payload: Buffer): ChangedEdge[] {
  requirePayloadVersion(activityJobKind, payload[0], version);
  const count = (payload.length - 1) / edgeBytes;
  const edges = Array.from({ length: Math.floor(count) }, (_, i): Partial<ChangedEdge> => {
    const at = 1 + i * edgeBytes;
    const role = roles[payload.readUInt8(at)];
    return {
      ...(role && { role }),
      sourceId: payload.readBigInt64LE(at + 1),
      destinationId: payload.readBigInt64LE(at + 9),
    };
  });
  if (!Number.isInteger(count) || edges.some(({ role }) => role === undefined))
    throw new RoostError('DataLoss', `changes of activity with ${payload.length} bytes cannot be read`);
  return edges as ChangedEdge[];
}

/** The stores that such a job reads. */
export interface ActivityStores {
  readonly timelines: Timelines;
  readonly tbird: Tbird;
  readonly flock: Flock;
  readonly graphs: () => StoredGraphs;
}

/**
 * Updates timelines after changes of follows, favorites, mentions and blocks, for the users that these edges lead to.
 * It goes by the present edges, so that the order of such jobs does not matter. A missing timeline costs one lookup
 * in Redis.
 */
export const activityJob = (stores: ActivityStores): ClusterJobType => ({
  kind: activityJobKind,
  check(payload) {
    const edges = decode(payload);
    const most = 2 * limits.operationsPerWrite;
    if (edges.length > most)
      throw new RoostError('InvalidArgument', `a job holds at most ${most} edges, not ${edges.length}`);
    for (const id of edges.flatMap(({ sourceId, destinationId }) => [sourceId, destinationId]))
      if (id < 0n) throw new RoostError('InvalidArgument', `ids are from 0 to 2^63 − 1, not ${id}`);
  },
  async run(payload, deadline) {
    const edges = decode(payload);
    const of = (role: ChangedEdge['role']) => edges.filter((edge) => edge.role === role);
    const ids = [...of('favorites'), ...of('mentions')].map(({ destinationId }) => destinationId);
    const tweets = await tweetsById(stores.tbird, ids, { ...until(deadline), deleted: true });
    // A tweet that does not exist yet is handled at its delivery.
    const marks = of('favorites').flatMap((edge) => {
      const author = tweets.get(edge.destinationId);
      return author === undefined ? [] : [{ ...edge, userId: author.userId }];
    });
    const follows = of('follows').map((edge) => ({ ...edge, userId: edge.destinationId }));
    return [
      ...(await afterEdges('followed', follows, stores, deadline)),
      ...(await afterEdges('favorited', marks, stores, deadline)),
      ...(await afterMentions(of('mentions'), tweets, stores, deadline)),
      ...(await afterBlocks(of('blocks'), stores, deadline)),
    ];
  },
});

export const activityName = (userId: bigint): string => `activity:${userId}`;
const mentionsName = (userId: bigint): string => `mentions:${userId}`;

/** Adds the activity of each edge to the user's timeline, or removes it if the edge is gone. */
async function afterEdges(
  kind: 'followed' | 'favorited',
  edges: readonly (ChangedEdge & { readonly userId: bigint })[],
  { timelines, flock, graphs }: ActivityStores,
  deadline: Deadline,
): Promise<FollowUp[]> {
  const { follows, favorites, blocks } = graphs();
  const graphId = kind === 'followed' ? follows : favorites;
  const byOthers = edges.filter(({ sourceId, userId }) => sourceId !== userId);
  const kept = await timelines.floors(new Set(byOthers.map(({ userId }) => activityName(userId))), deadline);
  const some = byOthers.filter(({ userId }) => kept.has(activityName(userId)));
  if (graphId === undefined || some.length === 0) return [];
  const [sources, destinations] = [
    BigInt64Array.from(some, ({ sourceId }) => sourceId),
    BigInt64Array.from(some, ({ destinationId }) => destinationId),
  ];
  const stored = await flock.edges(graphId, sources, destinations, until(deadline));
  return Promise.all(
    some.map(async ({ userId, sourceId: actorId, destinationId }, i) => {
      const edge = stored[i];
      const id = edge && activityIdAt(edge.position, kind, actorId, destinationId);
      const tweet = kind === 'favorited' ? { tweetId: destinationId } : {};
      const entry = activityEntry({ id: id ?? 0n, kind, actorId, ...tweet });
      const name = activityName(userId);
      const there = id !== undefined && edge?.state === 'normal';
      return there && !(await blockedWith(flock, blocks, userId, [actorId], until(deadline))).has(actorId)
        ? writeOf({ op: 'supersede', name, at: objectAt, entry })
        : writeOf({ op: 'withdraw', name, at: objectAt, bytes: entry.subarray(objectAt) });
    }),
  );
}

/** These edges lead from the mentioned users to the tweets. */
async function afterMentions(
  edges: readonly ChangedEdge[],
  tweets: ReadonlyMap<bigint, Tweet>,
  { timelines, tbird, flock, graphs }: ActivityStores,
  deadline: Deadline,
): Promise<FollowUp[]> {
  const { mentions, blocks } = graphs();
  const names = edges.flatMap(({ sourceId }) => [activityName(sourceId), mentionsName(sourceId)]);
  const kept = await timelines.floors(new Set(names), deadline);
  const writes: FollowUp[] = [];
  for (const { sourceId: userId, destinationId } of edges) {
    const tweet = tweets.get(destinationId);
    if (mentions === undefined || tweet === undefined) continue;
    if (!kept.has(activityName(userId)) && !kept.has(mentionsName(userId))) continue;
    const options = until(deadline);
    const [[state], blocked, authors] = await Promise.all([
      flock.states(mentions, BigInt64Array.of(userId), BigInt64Array.of(tweet.id), options),
      blockedWith(flock, blocks, userId, [tweet.userId], options),
      authorsOfOriginals(tbird, [tweet], options),
    ]);
    const there = state === 'normal' && tweet.deletedAt === undefined && blocked.size === 0;
    const put = (prefix: string, entry: TimelineEntry): FollowUp =>
      there
        ? writeOf({ op: 'push', prefix, entry, ids: BigInt64Array.of(userId) })
        : writeOf({ op: 'withdraw', name: `${prefix}${userId}`, at: 0, bytes: entry });
    writes.push(put('mentions:', homeEntry(tweet)));
    const activity = activityOfTweet(tweet, userId, authors, true);
    if (activity?.kind === 'mentioned') writes.push(put('activity:', activityEntry(activity)));
  }
  return writes;
}

/**
 * If one user now blocks the other, removes each from the other's timeline. If not, drops their timelines, which the
 * next read rebuilds.
 */
async function afterBlocks(
  edges: readonly ChangedEdge[],
  { timelines, flock, graphs }: ActivityStores,
  deadline: Deadline,
): Promise<FollowUp[]> {
  const pairs = edges.flatMap(({ sourceId, destinationId }) => [
    [sourceId, destinationId] as const,
    [destinationId, sourceId] as const,
  ]);
  const places = (userId: bigint) => [
    { name: activityName(userId), at: actorAt },
    { name: mentionsName(userId), at: authorAt },
  ];
  const kept = await timelines.floors(
    new Set(pairs.flatMap(([userId]) => places(userId).map(({ name }) => name))),
    deadline,
  );
  const writes: FollowUp[] = [];
  for (const [userId, otherId] of pairs) {
    const some = places(userId).filter(({ name }) => kept.has(name));
    if (some.length === 0) continue;
    const blocked = await blockedWith(flock, graphs().blocks, userId, [otherId], until(deadline));
    for (const { name, at } of some)
      writes.push(
        blocked.size > 0
          ? writeOf({ op: 'withdraw', name, at, bytes: keyBytes(otherId) })
          : writeOf({ op: 'delete', name }),
      );
  }
  return writes;
}
