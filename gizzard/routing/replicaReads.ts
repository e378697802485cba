import type { Deadline } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { Hosts } from '../hosts.js';
import type { LaggingLeaves } from '../jobs/laggingLeaves.js';
import type { Heat } from './heat.js';
import type { Hedge } from './hedge.js';
import { onSameHosts, readableOn } from './onSameHosts.js';
import { readAny } from './readAny.js';
import { type Leaf, type Route, spanOf } from './route.js';

/** A leaf of one of several routes, with the route's index. */
export interface PlacedLeaf {
  readonly leaf: Leaf;
  readonly place: number;
}

/** Reads one host's leaves of several routes. */
export type ReadTogether<T, H extends Host> = (
  host: H,
  leaves: readonly PlacedLeaf[],
  deadline: Deadline,
) => Promise<T>;

/** Reads from replicas. Replicas that lack writes come last; the deadline of a read records that such a replica answered. */
export class ReplicaReads {
  constructor(
    private readonly hosts: Hosts,
    private readonly lagging: LaggingLeaves,
    private readonly hedge: Hedge,
    private readonly heat: Heat,
  ) {}

  /** Whether a replica has all writes that were answered as materialized, as far as is known here. */
  async isCurrent(leaf: Leaf): Promise<boolean> {
    await this.lagging.fresh();
    return this.lagging.isCurrent(leaf.key);
  }

  /** Reads from one replica of a route; `H` are the hosts of the leaves' backend. Throws as `readAny`. */
  async one<T, H extends Host>(
    route: Route,
    deadline: Deadline,
    read: (host: H, leaf: Leaf, deadline: Deadline) => Promise<T>,
  ): Promise<T> {
    const { lagging } = this;
    this.heat.read(route);
    const looking = lagging.fresh();
    if (looking !== undefined) await looking;
    return readAny(
      route,
      deadline,
      this.hosts.isHealthy,
      async (leaf, within) => {
        const current = lagging.isCurrent(leaf.key);
        // A leaf's type names its backend, and shards are created only on that backend's hosts.
        const host = this.hosts.host(leaf.shard.id.hostname) as H;
        const answer = await within.inSpan(
          'leaf read',
          'internal',
          () => spanOf(leaf, host.name),
          (part) => read(host, leaf, part),
        );
        if (!current || !lagging.isCurrent(leaf.key)) deadline.sawLagging();
        return answer;
      },
      this.hedge,
      lagging.isCurrent,
    );
  }

  /**
   * Reads from several routes, with one `read` for routes whose replicas are on the same hosts, so that one statement
   * can serve them. The weights of the first route choose the host. If no host can answer for all of them, each is read
   * by itself, and fails as `one`.
   */
  async together<T, H extends Host>(
    routes: readonly Route[],
    deadline: Deadline,
    read: ReadTogether<T, H>,
  ): Promise<T[]> {
    const { lagging } = this;
    const together = ([first, ...others]: readonly number[]): Promise<T> =>
      this.one(routes[first!]!, deadline, async (host: H, leaf, within) => {
        const leaves = [
          { leaf, place: first! },
          ...others.map((place) => ({ leaf: readableOn(routes[place]!, leaf.shard.id.hostname), place })),
        ];
        const answer = await read(host, leaves, within);
        if (!leaves.every((each) => lagging.isCurrent(each.leaf.key))) deadline.sawLagging();
        return answer;
      });
    const looking = lagging.fresh();
    if (looking !== undefined) await looking;
    // Leaves of one host lag together, or are read apart.
    const answers = onSameHosts(routes, lagging.isCurrent).map(async (places) => {
      try {
        return [await together(places)];
      } catch (error) {
        if (places.length === 1 || deadline.passed) throw error;
        return Promise.all(places.map((place) => together([place])));
      }
    });
    return (await Promise.all(answers)).flat();
  }
}
