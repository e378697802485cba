import type { Deadline } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { Hosts } from '../hosts.js';
import type { LaggingLeaves } from '../jobs/laggingLeaves.js';
import type { Heat } from './heat.js';
import type { Hedge } from './hedge.js';
import { onSameHosts, readableOn } from './onSameHosts.js';
import { readAny } from './readAny.js';
import type { Leaf, Route } from './route.js';

/** Reads from the replicas of routes. Those that lack writes come last, and the deadline of a read learns of an answer that came from one. */
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

  /** Reads from one replica of a route; `H` are the hosts of the backend that its leaves live on. Throws as `readAny` does. */
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
        // The type of a leaf names its backend, and a shard is made on no other's hosts.
        const answer = await read(this.hosts.host(leaf.shard.id.hostname) as H, leaf, within);
        if (!current || !lagging.isCurrent(leaf.key)) deadline.sawLagging();
        return answer;
      },
      this.hedge,
      lagging.isCurrent,
    );
  }

  /**
   * Reads from several routes, with one `read` for those whose replicas stand on the same hosts, so that it may ask for them in one statement. It gets leaves
   * of one host, with the places of their routes in `routes`; the weights of the first route decide on which. Where no host can answer for all of them, each
   * is read by itself, and fails as `one` does.
   */
  async together<T, H extends Host>(
    routes: readonly Route[],
    deadline: Deadline,
    read: (
      host: H,
      leaves: readonly { readonly leaf: Leaf; readonly place: number }[],
      deadline: Deadline,
    ) => Promise<T>,
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
