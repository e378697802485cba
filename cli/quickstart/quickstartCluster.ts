import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { configPartsOf, portOf } from '../../cluster/index.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { RoostError } from '../../core/index.js';
import { flockStore } from '../../flock/index.js';
import { type Playground, startPlayground } from '../../playground/index.js';
import { loadConfig, type RoostConfig, withoutOverrides } from '../../process/index.js';
import { connect, type Roost } from '../../sdk/index.js';
import { openTimelines } from '../../timeline/index.js';
import type { CliIo } from '../console/cliIo.js';
import { withFlock } from '../graph.js';
import { neededBy } from '../playground.js';
import { startServerProcess, stopServerProcess } from '../serverProcess.js';
import type { ServerReady } from '../serverReady.js';

export const graphName = 'follows';
/** In each direction. */
export const shards = 8;
/** Shards of each graph of tweets; few, as creating a table takes time. */
const tweetGraphShards = 2;
/** Database hosts, and replicas of each shard. */
export const hosts = 2;

/** The parts that a quickstart has started so far, so that it can be stopped at any point. */
export class QuickstartCluster {
  #playground: Playground | undefined;
  #roost: Roost | undefined;

  constructor(
    private readonly io: CliIo,
    private readonly dir: string,
  ) {}

  async startPlayground(): Promise<Playground> {
    if (existsSync(join(this.dir, 'playground.json'))) {
      throw new RoostError(
        'AlreadyExists',
        `there is a playground in ${this.dir} already: end it with \`roost playground stop --dir ${this.dir}\`, or name another folder with --dir`,
      );
    }
    return (this.#playground = await startPlayground({
      dir: this.dir,
      databaseHosts: hosts,
      caches: 2,
      ...neededBy(this.io.stores),
    }));
  }

  async createGraph(): Promise<void> {
    await withFlock(this.#config(), { create: true }, (flock) =>
      flock.createGraph(graphName, { shards, replicas: hosts }),
    );
  }

  /** Creates the tables of tweets and the shards of timelines. Returns once the server has seen them. */
  async setUpTimelines(): Promise<void> {
    const config = this.#config();
    const service = await openTimelines(config);
    try {
      await service.tbird.setup({ policy: { replicas: hosts }, graphShards: tweetGraphShards });
      await service.setup({ shards, replicas: Object.keys(service.config.hosts).length });
    } finally {
      await service.close();
    }
    await sleep(config.nameServer.reloadSeconds * 1_000);
  }

  startServer(): Promise<ServerReady> {
    // Environment overrides for other clusters do not apply to this cluster.
    return startServerProcess(this.dir, this.#playground!.configPath, withoutOverrides(this.io.environment));
  }

  async connect(): Promise<Roost> {
    const config = this.#config();
    return (this.#roost = await connect({ servers: [`${config.server.host}:${portOf(config, flockStore)}`] }));
  }

  async release(keep: boolean): Promise<void> {
    await this.#roost?.close();
    if (keep || this.#playground === undefined) return;
    await stopServerProcess(this.dir);
    await this.#playground.stop();
  }

  #config(): RoostConfig {
    return loadConfig({
      path: this.#playground!.configPath,
      environment: withoutOverrides(this.io.environment),
      parts: configPartsOf(this.io.stores),
    }).config;
  }
}
