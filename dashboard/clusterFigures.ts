import { type ServerCounts, serverCounts } from '../cluster/index.js';
import type { Gizzard } from '../gizzard/index.js';
import type { ServerFigures } from './figures.js';
import { Growth } from './growth.js';
import { HeatHistory } from './heatHistory.js';
import type { HeatView } from './state.js';

/** A method of the services, over all servers. */
export interface CallRate {
  readonly method: string;
  readonly perSecond: number;
  readonly meanMs: number;
}

/**
 * Combines the figures that all servers post. It sees posts only while it is asked: rates need two calls of `look`,
 * some seconds apart.
 */
export class ClusterFigures {
  readonly growth = new Growth();
  readonly #heat = new HeatHistory();

  /**
   * Reads the servers' latest posts. Returns the ids of the servers that post. Throws if the journal's Redis or the
   * name server does not answer.
   */
  async look({ jobs, servers }: Gizzard): Promise<ReadonlySet<string>> {
    const listed = await servers.list();
    const texts = await jobs.notices.read(listed.map(({ id }) => id));
    const posts = new Map(Array.from(texts, ([id, text]) => [id, JSON.parse(text) as ServerFigures]));
    this.#heat.add(this.growth.add(posts), Date.now());
    return new Set(posts.keys());
  }

  /** Samples of metrics that pages of stores show, over all servers that post. */
  counts(): ServerCounts {
    const prefix = 'metric ';
    const { growth } = this;
    const keys = [...growth.names(prefix)];
    const sums = new Map(keys.map((key) => [key, growth.total(prefix + key)]));
    return serverCounts(growth.servers, sums, (key) => growth.perSecond(prefix + key)?.[0] ?? null);
  }

  heat({ topology }: Gizzard): HeatView {
    return this.#heat.view(topology);
  }

  /** The most frequently called methods, most frequent first. */
  calls(count: number): CallRate[] {
    return [...this.growth.names('call ')]
      .flatMap((method): CallRate[] => {
        const [perSecond = 0, seconds = 0] = this.growth.perSecond(`call ${method}`) ?? [];
        return perSecond === 0 ? [] : [{ method, perSecond, meanMs: (1_000 * seconds) / perSecond }];
      })
      .sort((a, b) => b.perSecond - a.perSecond)
      .slice(0, count);
  }
}
