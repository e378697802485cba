import type { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { groupBy, priorities, type Priority } from '../../core/index.js';
import type { JobsConfig, Log, Metrics } from '../../process/index.js';
import type { RemoteHost } from '../topology/types.js';
import type { Topology } from '../topology/topology.js';
import type { JournalGuard } from './journalGuard.js';
import { RemoteRelay, type SendJobs } from './remoteRelay.js';

interface Running {
  readonly relay: RemoteRelay;
  readonly started: Promise<void>;
  readonly readers: readonly Redis[];
}

/** The relays of a server: one for each remote cluster in the topology. */
export class RemoteRelays {
  readonly #running = new Map<string, Running>();
  readonly #stopping = new Set<Promise<void>>();
  readonly #consumer = randomUUID();

  readonly #sent: { inc(labels: { cluster: string; priority: string; outcome: string }): void };

  constructor(
    private readonly options: {
      readonly cluster: string;
      readonly config: JobsConfig;
      readonly redis: Redis;
      /** Opens a connection for blocking reads. */
      readonly connect: () => Redis;
      readonly guard: JournalGuard;
      readonly send: SendJobs;
      /** Checks for a newer topology. */
      readonly reload: () => Promise<void>;
      readonly log: Log;
      readonly metrics: Metrics;
    },
  ) {
    this.#sent = options.metrics.counter(
      'roost_remote_jobs_total',
      'Jobs for remote clusters by how an attempt to send them ended',
      ['cluster', 'priority', 'outcome'],
    );
  }

  use({ state, version }: Topology): void {
    const byCluster = groupBy(state.remoteHosts, ({ cluster }) => cluster);
    for (const [remote, { relay }] of this.#running) {
      const hosts = byCluster.get(remote);
      if (hosts === undefined) {
        relay.retire();
        this.#end(remote, 0);
      } else relay.use(hosts, version);
    }
    for (const [remote, hosts] of byCluster) if (!this.#running.has(remote)) this.#begin(remote, hosts, version);
  }

  async stop(graceMs: number): Promise<void> {
    for (const remote of [...this.#running.keys()]) this.#end(remote, graceMs);
    await Promise.all(this.#stopping);
  }

  #begin(remote: string, hosts: readonly RemoteHost[], version: number): void {
    const { cluster, config, redis, connect, guard, send, reload, log } = this.options;
    const readers = Object.fromEntries(priorities.map((priority) => [priority, connect()])) as Record<Priority, Redis>;
    const relay = new RemoteRelay(redis, readers, {
      cluster,
      remote,
      hosts,
      version,
      consumer: this.#consumer,
      config,
      guard,
      send,
      reload,
      count: (priority, outcome) =>
        this.#sent.inc({ cluster: remote, priority, outcome: outcome === 'applied' ? 'sent' : outcome }),
      log,
    });
    const started = relay
      .start()
      .catch((error: unknown) =>
        log.error(
          { err: error, cluster: remote },
          'jobs for a remote cluster are not sent: its backlog could not be opened',
        ),
      );
    this.#running.set(remote, { relay, started, readers: Object.values(readers) });
  }

  #end(remote: string, graceMs: number): void {
    const { relay, started, readers } = this.#running.get(remote)!;
    this.#running.delete(remote);
    const stopped = (async () => {
      await started;
      await relay.stop(graceMs);
      for (const reader of readers) reader.disconnect();
    })();
    this.#stopping.add(stopped);
    void stopped.finally(() => this.#stopping.delete(stopped));
  }
}
