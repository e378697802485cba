import { limits, RoostError, type Deadline } from '../../core/index.js';
import type { Flock, WrittenEdge } from '../../flock/index.js';
import { requirePayloadVersion, type ClusterJobType, type FollowUp } from '../../gizzard/index.js';
import type { Tbird } from '../../tbird/index.js';
import { until, type Tweet } from '../../wire/index.js';
import { authorAt, keyBytes, type TimelineEntry } from '../entry.js';
import { homeEntry } from '../home/homeEntry.js';
import { writeOf, type SecondLook } from '../jobs/timelinePayload.js';
import { blockedWith } from '../kinds/blockedWith.js';
import { tweetsById } from '../kinds/tweetsById.js';
import type { StoredGraphs } from '../timelineGraphs.js';
import type { Timelines } from '../timelines.js';
import { activityEntry, activityIdAt, actorAt, objectAt } from './activityEntry.js';
import { activityOfTweet, authorsOfOriginals } from './activityOfTweets.js';

export const activityJobKind = 'timelines.activity';
/** The same job, for a second look: it adds, and takes nothing away. */
export const activityLookKind = 'timelines.activityLook';

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
  const roleOf = new Map(roles.map((role) => [graphs[role], role]));
  const changed = edges.flatMap(({ tableId, sourceId, destinationId }) => {
    const role = roleOf.get(tableId);
    return role === undefined ? [] : [{ role, sourceId, destinationId }];
  });
  return changed.length === 0 ? [] : [{ kind: activityJobKind, payload: encode(changed), priority: 'medium' }];
}

const encode = (edges: readonly ChangedEdge[]): Buffer =>
  Buffer.concat([
    Buffer.from([version]),
    ...edges.flatMap(({ role, sourceId, destinationId }) => [
      Buffer.from([roles.indexOf(role)]),
      keyBytes(sourceId),
      keyBytes(destinationId),
    ]),
  ]);

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
 * It goes by the present edges, so that the order of such jobs does not matter; since their writes may be applied in
 * another order, a second look follows each removal. A missing timeline costs one lookup in Redis.
 */
export const activityJob = (
  stores: ActivityStores,
  kind: typeof activityJobKind | typeof activityLookKind,
): ClusterJobType => ({
  kind,
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
    const look = { ...stores, second: kind === activityLookKind };
    return [
      ...(await afterEdges('followed', follows, look, deadline)),
      ...(await afterEdges('favorited', marks, look, deadline)),
      ...(await afterMentions(of('mentions'), tweets, look, deadline)),
      ...(await afterBlocks(of('blocks'), look, deadline)),
    ];
  },
});

interface Look extends ActivityStores {
  /** A second look only adds. */
  readonly second: boolean;
}

const lookAgain = (edge: ChangedEdge): SecondLook => ({ kind: activityLookKind, payload: encode([edge]) });

export const activityName = (userId: bigint): string => `activity:${userId}`;
const mentionsName = (userId: bigint): string => `mentions:${userId}`;

/** Adds the activity of each edge to the user's timeline, or removes it if the edge is gone. */
async function afterEdges(
  kind: 'followed' | 'favorited',
  edges: readonly (ChangedEdge & { readonly userId: bigint })[],
  { timelines, flock, graphs, second }: Look,
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
  const writes = await Promise.all(
    some.map(async ({ role, userId, sourceId: actorId, destinationId }, i): Promise<FollowUp[]> => {
      const edge = stored[i];
      const id = edge && activityIdAt(edge.position, kind, actorId, destinationId);
      const tweet = kind === 'favorited' ? { tweetId: destinationId } : {};
      const entry = activityEntry({ id: id ?? 0n, kind, actorId, ...tweet });
      const name = activityName(userId);
      const there = id !== undefined && edge?.state === 'normal';
      const again = () => lookAgain({ role, sourceId: actorId, destinationId });
      if (there && !(await blockedWith(flock, blocks, userId, [actorId], until(deadline))).has(actorId))
        return [
          writeOf(
            second
              ? { op: 'merge', name, entries: [entry] }
              : { op: 'supersede', name, at: objectAt, entry, again: again() },
          ),
        ];
      return second
        ? []
        : [writeOf({ op: 'withdraw', name, at: objectAt, bytes: entry.subarray(objectAt), again: again() })];
    }),
  );
  return writes.flat();
}

/** These edges lead from the mentioned users to the tweets. */
async function afterMentions(
  edges: readonly ChangedEdge[],
  tweets: ReadonlyMap<bigint, Tweet>,
  { timelines, tbird, flock, graphs, second }: Look,
  deadline: Deadline,
): Promise<FollowUp[]> {
  const { mentions, blocks } = graphs();
  const names = edges.flatMap(({ sourceId }) => [activityName(sourceId), mentionsName(sourceId)]);
  const kept = await timelines.floors(new Set(names), deadline);
  const writes: FollowUp[] = [];
  for (const edge of edges) {
    const { sourceId: userId, destinationId } = edge;
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
    const put = (prefix: string, entry: TimelineEntry): void => {
      const name = `${prefix}${userId}`;
      if (there) writes.push(writeOf({ op: 'merge', name, entries: [entry] }));
      else if (!second) writes.push(writeOf({ op: 'withdraw', name, at: 0, bytes: entry, again: lookAgain(edge) }));
    };
    put('mentions:', homeEntry(tweet));
    const activity = activityOfTweet(tweet, userId, authors, true);
    if (activity?.kind === 'mentioned') put('activity:', activityEntry(activity));
  }
  return writes;
}

/**
 * If one user now blocks the other, removes each from the other's timeline. If not, drops their timelines, which the
 * next read rebuilds.
 */
async function afterBlocks(
  edges: readonly ChangedEdge[],
  { timelines, flock, graphs, second }: Look,
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
    const again = lookAgain({ role: 'blocks', sourceId: userId, destinationId: otherId });
    for (const { name, at } of some) {
      if (blocked.size === 0) writes.push(writeOf({ op: 'delete', name }));
      else if (!second) writes.push(writeOf({ op: 'withdraw', name, at, bytes: keyBytes(otherId), again }));
    }
  }
  return writes;
}
