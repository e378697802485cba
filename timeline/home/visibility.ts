import type { Flock } from '../../flock/index.js';
import type { ReadOptions } from '../../wire/index.js';
import type { TimelineGraphs } from './audience.js';
import type { HomeEntry } from './homeEntry.js';

/** The present relations between a reader and others. */
export interface Relations {
  follows(userId: bigint): boolean;
  /** In either direction. */
  blocks(userId: bigint): boolean;
  wantsRetweetsOf(userId: bigint): boolean;
}

/** An application's rule, such as one by region: whether a reader may see an entry. Pure; called at each read. */
export type ReadRule = (entry: HomeEntry, readerId: bigint) => boolean;

/** Rules for what a reader sees of their home timeline. All of them hold. */
export const readRules: readonly ((entry: HomeEntry, readerId: bigint, relations: Relations) => boolean)[] = [
  function authorsAreFollowed({ userId }, readerId, relations) {
    return userId === readerId || relations.follows(userId);
  },
  function repliesAreForThoseWhoFollowBoth({ userId, replyToUserId }, readerId, relations) {
    if (replyToUserId === undefined || replyToUserId === userId || replyToUserId === readerId) return true;
    return userId === readerId || relations.follows(replyToUserId);
  },
  function retweetsCanBeTurnedOff({ userId, retweetOfId }, readerId, relations) {
    return retweetOfId === undefined || userId === readerId || relations.wantsRetweetsOf(userId);
  },
  function blocksHoldBothWays({ userId }, _readerId, relations) {
    return !relations.blocks(userId);
  },
];

/** The relations between a reader and the authors and subjects of entries, looked up as a read needs them. */
export class ReaderRelations implements Relations {
  readonly #known = new Set<bigint>();
  readonly #followed = new Set<bigint>();
  readonly #blocks = new Set<bigint>();
  readonly #withoutRetweets = new Set<bigint>();

  constructor(
    private readonly flock: Flock,
    private readonly graphs: TimelineGraphs,
    private readonly readerId: bigint,
  ) {
    this.#known.add(readerId);
  }

  /** Looks up users of the entries that are not known yet. */
  async find(entries: readonly HomeEntry[], options: ReadOptions): Promise<void> {
    const users = new Set(entries.flatMap(({ userId, replyToUserId }) => [userId, replyToUserId ?? userId]));
    const ids = BigInt64Array.from([...users].filter((id) => !this.#known.has(id)));
    if (ids.length === 0) return;
    const { follows, blocks, retweetsOff } = this.graphs;
    const nodeId = this.readerId;
    const lists = [
      { into: this.#followed, graphId: follows, direction: 'forward' },
      { into: this.#blocks, graphId: blocks, direction: 'forward' },
      { into: this.#blocks, graphId: blocks, direction: 'backward' },
      { into: this.#withoutRetweets, graphId: retweetsOff, direction: 'forward' },
    ] as const;
    const there = lists.flatMap(({ graphId, ...rest }) =>
      graphId === undefined ? [] : [{ ...rest, graphId, nodeId }],
    );
    const found = await this.flock.related(there, ids, options);
    for (const [i, { into }] of there.entries()) for (const id of found[i]!) into.add(id);
    for (const id of ids) this.#known.add(id);
  }

  follows(userId: bigint): boolean {
    return this.#followed.has(userId);
  }

  blocks(userId: bigint): boolean {
    return this.#blocks.has(userId);
  }

  wantsRetweetsOf(userId: bigint): boolean {
    return !this.#withoutRetweets.has(userId);
  }
}
