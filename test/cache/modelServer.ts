import { setTimeout as sleep } from 'node:timers/promises';
import { openCaches, type Caches, type LeasedCache } from '../../cache/index.js';
import { openCluster } from '../../cluster/index.js';
import { RoostError } from '../../core/index.js';
import type { RoostConfig } from '../../process/index.js';
import { type Tbird, tbirdStore } from '../../tbird/index.js';
import { type Users, usersStore } from '../../users/index.js';

/** One process of the model: users, tweets and graphs behind caches, with faults that only it has. */
export interface ModelServer {
  readonly tbird: Tbird;
  readonly users: Users;
  readonly caches: Caches;
  /** Nodes that this server alone cannot reach. */
  readonly cut: Set<string>;
  close(): Promise<void>;
}

/** Mulberry32. */
export function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** @param slow it hears late of what changes in the register of the nodes, as a process does that is busy */
export async function openModelServer(
  config: RoostConfig,
  { work, slow = false, seed }: { readonly work: boolean; readonly slow?: boolean; readonly seed: number },
): Promise<ModelServer> {
  const random = randomFrom(seed);
  /** Delays the server as a busy process is delayed. */
  const held = async (share: number, ms: number): Promise<void> => {
    if (random() < share) await sleep(random() * ms);
  };
  const caches = await openCaches(config);
  const cluster = await openCluster(config, [tbirdStore, usersStore], { caches, work, create: true });
  const { tbird, users } = cluster.stores;
  const { newest, edges } = tbird.flock.options.caches!;
  for (const cache of [users.rows, tbird.caches!.rows, newest, edges] as unknown as LeasedCache<bigint, unknown>[]) {
    const { load } = cache.options;
    // The delay falls between the database and the cache.
    const delayed: typeof load = async (keys, deadline) => {
      const found = await load(keys, deadline);
      await held(0.6, 200);
      return found;
    };
    Object.assign(cache.options, { load: delayed });
  }
  const pool = caches.main!;
  const cut = new Set<string>();
  const nodeOf = pool.node.bind(pool);
  const known = new Set<string>();
  pool.node = (name) => {
    const node = nodeOf(name);
    if (!known.has(name)) {
      known.add(name);
      const [get, execute] = [node.get.bind(node), node.execute.bind(node)];
      const reached = async (): Promise<void> => {
        if (!cut.has(name)) return;
        await sleep(5);
        throw new RoostError('Unavailable', `${name} cannot be reached from here`);
      };
      node.get = async (...args) => {
        await reached();
        const hits = await get(...args);
        // The delay falls between reading an entry and changing it.
        await held(0.15, 40);
        return hits;
      };
      node.execute = async (...args) => (await reached(), execute(...args));
    }
    return node;
  };
  const look = pool.register.look.bind(pool.register);
  if (slow) {
    pool.register.look = async () => {
      const view = await look();
      await held(0.5, 1_200);
      return view;
    };
  }
  const settle = pool.settle.bind(pool);
  pool.settle = async (...args) => {
    // The delay falls between a commit and the cache.
    await held(0.3, 80);
    return settle(...args);
  };
  return {
    tbird,
    users,
    caches,
    cut,
    close: async () => {
      await cluster.close();
      await caches.close();
    },
  };
}
