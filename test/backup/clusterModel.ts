import { expect } from 'vitest';
import type { Cluster } from '../../cluster/index.js';
import type { stores } from '../../cli/stores.js';
import type { BatchedWrite, Operation } from '../../flock/index.js';
import { tweetGraph } from '../../tbird/index.js';
import type { User } from '../../users/index.js';

export type TestCluster = Cluster<typeof stores>;

const nodes = 12;
const authors = 3n;
const graphId = 1;
const stateAfter: Readonly<Record<Operation, string>> = {
  add: 'normal',
  remove: 'removed',
  archive: 'archived',
  negate: 'negative',
};
const operations: readonly Operation[] = ['add', 'add', 'add', 'remove', 'archive', 'negate'];

interface ModelTweet {
  readonly userId: bigint;
  readonly text: string;
  readonly deleted: boolean;
}

/** The writes that a cluster was given, and the answers that it must give. */
export class ClusterModel {
  /** The state of edges from a node to another of the same numbers, by `source:destination`. */
  readonly edges: Map<string, string>;
  readonly tweets: Map<bigint, ModelTweet>;
  readonly users: Map<bigint, User>;
  /** Whether a user's last write to a tweet marked it or took the mark back, by `user:tweet`. */
  readonly favorites: Map<string, boolean>;

  constructor(before?: ClusterModel) {
    this.edges = new Map(before?.edges);
    this.tweets = new Map(before?.tweets);
    this.users = new Map(before?.users);
    this.favorites = new Map(before?.favorites);
  }

  /** Creates a graph, tweets and users. */
  static async setUp({ stores: { flock, tbird, users } }: TestCluster, replicas: number): Promise<void> {
    await flock.createGraph('follows', { shards: 3, replicas, id: graphId });
    await tbird.setup({ graphShards: 2, policy: { windowMs: 86_400_000, stripes: 2, replicas } });
    await users.setup({ shards: 2, replicas });
  }

  /** Makes random writes, one after another: edges, all edges of a node, tweets, users. */
  async write(
    { stores: { flock, tbird, users } }: TestCluster,
    count: number,
    random: (below: number) => number,
  ): Promise<void> {
    for (let i = 0; i < count; i++) {
      const kind = random(20);
      if (kind < 11) await flock.execute(Array.from({ length: 1 + random(8) }, () => this.#edge(random)));
      else if (kind < 12) await flock.execute([this.#massRemoval(random)]);
      else if (kind < 15) {
        const drafts = Array.from({ length: 1 + random(3) }, () => ({
          userId: BigInt(1 + random(Number(authors))),
          text: `tweet ${random(1_000_000)} 🐦`,
        }));
        const ids = await tbird.create(drafts);
        for (const [place, id] of ids.entries()) this.tweets.set(id, { ...drafts[place]!, deleted: false });
      } else if (kind < 17) {
        const ids = [...this.tweets.keys()];
        const id = ids[random(Math.max(1, ids.length))];
        if (id === undefined) continue;
        const tweet = this.tweets.get(id)!;
        await tbird[tweet.deleted ? 'undelete' : 'delete'](BigInt64Array.of(id));
        this.tweets.set(id, { ...tweet, deleted: !tweet.deleted });
        const user = BigInt(1 + random(nodes - 1));
        const marked = random(3) > 0;
        await flock.execute([
          {
            edges: {
              graphId: tweetGraph(flock, 'favorites'),
              operations: marked ? 'add' : 'remove',
              sourceIds: BigInt64Array.of(user),
              destinationIds: BigInt64Array.of(id),
            },
          },
        ]);
        this.favorites.set(`${user}:${id}`, marked);
      } else {
        const id = BigInt(1 + random(nodes - 1));
        if (random(3) === 0) {
          await users.remove([id]);
          this.users.delete(id);
        } else {
          const user = { id, name: `n ${random(1_000)}`, screenName: `s${random(1_000)}`, flags: random(8) };
          await users.put([user]);
          this.users.set(id, user);
        }
      }
    }
  }

  #edge(random: (below: number) => number): BatchedWrite {
    const [source, destination] = [random(nodes), random(nodes)];
    const operation = operations[random(operations.length)]!;
    this.edges.set(`${source}:${destination}`, stateAfter[operation]);
    const column = (id: number): BigInt64Array => BigInt64Array.of(BigInt(id));
    return {
      edges: { graphId, operations: operation, sourceIds: column(source), destinationIds: column(destination) },
    };
  }

  #massRemoval(random: (below: number) => number): BatchedWrite {
    const id = random(nodes);
    const direction = random(2) === 0 ? 'forward' : 'backward';
    for (const key of this.edges.keys())
      if (key.split(':')[direction === 'forward' ? 0 : 1] === String(id)) this.edges.set(key, 'removed');
    return { node: { graphId, id: BigInt(id), direction, operation: 'remove' } };
  }

  /** Checks that every answer of the cluster agrees with the model. */
  async expectIn({ stores: { flock, tbird, users } }: TestCluster): Promise<void> {
    const all = Array.from({ length: nodes }, (_, id) => BigInt(id));
    const pairs = all.flatMap((source) => all.map((destination) => [source, destination] as const));
    const found = await flock.states(
      graphId,
      BigInt64Array.from(pairs, ([source]) => source),
      BigInt64Array.from(pairs, ([, destination]) => destination),
    );
    const states = pairs.map(([source, destination]) => this.edges.get(`${source}:${destination}`));
    expect(found).toEqual(states);
    for (const direction of ['forward', 'backward'] as const) {
      const counts = await flock.counts(graphId, direction, BigInt64Array.from(all));
      const own = (id: bigint): number =>
        pairs.filter((pair, place) => pair[direction === 'forward' ? 0 : 1] === id && states[place] === 'normal')
          .length;
      expect(counts.map(({ normal }) => Number(normal))).toEqual(all.map(own));
    }
    const favorites = Array.from(this.favorites, ([pair, marked]) => [...pair.split(':').map(BigInt), marked] as const);
    expect(
      await flock.states(
        tweetGraph(flock, 'favorites'),
        BigInt64Array.from(favorites, ([user]) => user as bigint),
        BigInt64Array.from(favorites, ([, tweet]) => tweet as bigint),
      ),
    ).toEqual(favorites.map(([, , marked]) => (marked === true ? 'normal' : 'removed')));
    const tweets = [...this.tweets];
    const stored = await tbird.get(
      BigInt64Array.from(tweets, ([id]) => id),
      { deleted: true },
    );
    expect(
      stored.map(
        (tweet) => tweet && { userId: tweet.userId, text: tweet.text, deleted: tweet.deletedAt !== undefined },
      ),
    ).toEqual(tweets.map(([, tweet]) => tweet));
    for (let userId = 1n; userId <= authors; userId++) {
      const timeline = await tbird.timeline({ userId, count: 1_000 });
      const own = tweets.filter(([, tweet]) => tweet.userId === userId && !tweet.deleted).map(([id]) => id);
      expect([...timeline]).toEqual(own.sort((a, b) => (a > b ? -1 : 1)));
    }
    expect(await users.get(all)).toEqual(all.map((id) => this.users.get(id)));
  }
}

/** Checks, by each store's own means, that its shards hold the right rows. */
export async function expectSound(cluster: TestCluster): Promise<void> {
  for (const name of ['flock', 'tbird', 'users']) {
    const { faults, found } = await cluster.check(name, { settleMs: 0 });
    expect({ name, faults, found }).toEqual({ name, faults: 0, found: [] });
  }
}
