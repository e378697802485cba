import { readFileSync } from 'node:fs';
import { inject } from 'vitest';
import type { ClusterConfigInput } from '../clusterConfig.js';
import { connect, type Roost } from '../../sdk/index.js';
import { openTimelines } from '../../timeline/index.js';
import { openUsers } from '../../users/index.js';
import { seededRandom } from '../moving/seededRandom.js';
import { startServeProcess, type ServeProcess } from '../serveProcess.js';
import { freshCluster } from '../support/index.js';
import { FrameFuzzer } from './frameFuzzer.js';
import { fuzzPort, type FuzzFigures } from './fuzzPort.js';
import { GoodClient } from './goodClient.js';
import { IdleThread } from './idleThread.js';
import { readIdl } from './idl.js';

const idl = readIdl([
  'roost.thrift',
  'tbird.thrift',
  'users.thrift',
  'timelines.thrift',
  'manager.thrift',
  'injector.thrift',
]);

const names = ['', 'json', 'short', 'follows', 'one', 'http://x'];
const jobKinds = ['flock.edges', 'tbird.tweets', 'users.put', 'timelines.write', 'timelines.deliver', 'no.such.kind'];
const jobs = jobKinds.flatMap((kind) =>
  ['', 'AAAA', 'AQAAAAAAAAAB'].map((payload) => JSON.stringify({ [kind]: { payload, times: { count: 1 } } })),
);

interface FuzzedService {
  readonly service: string;
  readonly strings: readonly string[];
  /** Methods with which an operator may act on others, and which work here too. */
  readonly skipped?: readonly string[];
}

export const services = {
  flock: { service: 'RoostFlock', strings: names },
  tbird: { service: 'TBird', strings: names },
  users: { service: 'Users', strings: names },
  timeline: { service: 'RoostTimelines', strings: ['home:1', 'home:2', 'home:', 'list', ...names] },
  manager: {
    service: 'Manager',
    strings: ['localhost', 'com.twitter.flockdb.SqlShard', 'com.twitter.gizzard.shards.ReplicatingShard', ...names],
    skipped: ['stop_writes', 'stop_writes_for', 'add_fanout', 'add_fanout_for', 'add_remote_host'],
  },
  injector: { service: 'JobInjector', strings: [...jobs, ...names] },
} satisfies Readonly<Record<string, FuzzedService>>;

export type FuzzedPort = keyof typeof services;

interface Stalls {
  /** The longest time for which the server's event loop was held up. */
  readonly stallMs: number;
  /** The longest time for which an idle thread of this machine was held up in the same period. */
  readonly idleMs: number;
}

/** A cluster whose server is its own process. The test sends anything to its ports, with a good client beside it. */
export class FuzzCluster {
  readonly #idle = new IdleThread();

  private constructor(
    readonly server: ServeProcess,
    private readonly roost: Roost,
    readonly good: GoodClient,
    private readonly peakBefore: number,
  ) {}

  /** Creates the cluster's configuration; call it at the top of a file. */
  static configure(name: string): { readonly start: () => Promise<FuzzCluster> } {
    const shared = JSON.parse(readFileSync(inject('playgroundConfigPath'), 'utf8')) as ClusterConfigInput;
    const { config, configPath } = freshCluster(name, {
      timeline: { hosts: { tl1: shared.redis! } },
      log: { level: 'error' },
    });
    return {
      start: async () => {
        const service = await openTimelines(config, { create: true });
        await service.flock.createGraph('follows', { shards: 2, replicas: 1 });
        await service.tbird.setup({ policy: { replicas: 1 }, graphShards: 2 });
        await service.setup({ shards: 2, replicas: 1 });
        await service.close();
        const users = await openUsers(config);
        await users.setup({ shards: 2, replicas: 1 });
        await users.close();
        const server = await startServeProcess(configPath);
        const { flock, tbird, users: usersPort } = server.ready;
        const roost = await connect({
          servers: [`127.0.0.1:${flock.port}`],
          tweetServers: [`127.0.0.1:${tbird.port}`],
          userServers: [`127.0.0.1:${usersPort.port}`],
        });
        return new FuzzCluster(server, roost, new GoodClient(roost), peakOf(server));
      },
    };
  }

  async fuzz(port: FuzzedPort, seed: number, frames: number): Promise<FuzzFigures & Stalls> {
    const { service, strings, ...rest }: FuzzedService = services[port];
    const fuzzer = new FrameFuzzer(idl, service, seededRandom(seed), strings, rest.skipped);
    return this.measured(() => fuzzPort(this.#portOf(port), fuzzer, frames));
  }

  /** Runs `work`, and measures the server's event loop meanwhile. */
  async measured<T extends object>(work: () => Promise<T>): Promise<T & Stalls> {
    // Each print covers the time since the print before, and so does the thread's answer.
    await this.metrics();
    await this.#idle.longestMs();
    const figures = await work();
    const stall = /^roost_event_loop_delay_seconds\{quantile="1"\} ([\d.e-]+)$/m.exec(await this.metrics())![1];
    return { ...figures, stallMs: Number(stall) * 1_000, idleMs: await this.#idle.longestMs() };
  }

  get adminPort(): number {
    return this.server.ready.admin.port;
  }

  async metrics(): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.server.ready.admin.port}/metrics`, {
      headers: { connection: 'close' },
    });
    return answer.text();
  }

  /** The greatest growth of the process beyond its first size. */
  get grownBytes(): number {
    return peakOf(this.server) - this.peakBefore;
  }

  async stop(): Promise<void> {
    await this.#idle.stop();
    await this.good.stop();
    await this.roost.close();
    await this.server.stop();
  }

  #portOf(port: FuzzedPort): number {
    return this.server.ready[port].port;
  }
}

const peakOf = ({ ready }: ServeProcess): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${ready.pid}/status`, 'utf8'))![1]) * 1024;
