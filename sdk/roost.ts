import { Deadline, limits, type OpenTelemetry, parseCount, RoostError } from '../core/index.js';
import type { JournalStatus } from '../wire/index.js';
import { parseAddress, type ServerAddress } from './address.js';
import type { Batch } from './batch.js';
import { Channel, type CallOptions, type CloseOptions } from './channel.js';
import { ClientTelemetry } from './clientTelemetry.js';
import { ClusterCheck } from './clusterCheck.js';
import type { StoreClient } from './clusterService.js';
import { Graph, graphsService } from './graph.js';
import type { GraphChannel } from './graphChannel.js';
import { JournalTime } from './journalTime.js';
import type { Whereabouts } from './server.js';
import { services, type StoreClients, type StoreServers } from './services.js';
import { tokenIn } from './token.js';
import { NodeQuery, type NodeIdPage, type PageOptions } from './nodeQuery.js';
import { sendBatch } from './sendBatch.js';
import type { WriteCallOptions } from './writeCallOptions.js';

export interface ConnectOptions extends StoreServers {
  /**
   * host:port of each server. They are equals: calls take turns among them, and go to another one after a failure.
   */
  readonly servers: readonly string[];
  /**
   * The cluster's name; other clusters' servers are refused with `FailedPrecondition`. Absent: the name that the
   * first server gives.
   */
  readonly cluster?: string;
  /**
   * Deadline of calls that bring none, retries included: 1 … limits.maxDeadlineMs. Absent: limits.defaultDeadlineMs.
   */
  readonly deadlineMs?: number;
  /**
   * Encryption; a function is called for each connection, so that certificates can be replaced. Absent: none, and
   * servers beyond loopback are refused. `false`: none, anywhere.
   */
  readonly tls?: ServerAddress['tls'];
  /** The token that each connection presents, for servers with access control. */
  readonly token?: string;
  /** A file with the token, in place of `token`; read for each connection, so that the token can be replaced. */
  readonly tokenFile?: string;
  /**
   * The package `@opentelemetry/api`: calls become spans of the application's traces, and are counted. Absent: nothing
   * of it is loaded or done.
   */
  readonly openTelemetry?: OpenTelemetry;
}

/**
 * Connects to one or several servers, and resolves once one has answered. Each new connection checks the server's
 * cluster. Throws `InvalidArgument` for a malformed address or one beyond loopback without `tls`,
 * `FailedPrecondition` for another cluster or TLS settings that do not match, `Unauthenticated` or `PermissionDenied`
 * from access control, and `Unavailable` if no server answers before the deadline.
 */
export async function connect(to: string | ConnectOptions): Promise<Roost> {
  const options: ConnectOptions = typeof to === 'string' ? { servers: [to] } : to;
  const { servers, cluster, deadlineMs = limits.defaultDeadlineMs, tls, token, tokenFile, openTelemetry } = options;
  parseCount(deadlineMs, 'deadlineMs', 1, limits.maxDeadlineMs);
  if (servers.length === 0)
    throw new RoostError('InvalidArgument', 'at least one server is needed', { fields: { argument: 'servers' } });
  if (token !== undefined && tokenFile !== undefined)
    throw new RoostError('InvalidArgument', 'give `token` or `tokenFile`, and not both', {
      fields: { argument: 'tokenFile' },
    });
  const shown = tokenFile === undefined ? token : tokenIn(tokenFile);
  const at = (server: string): ServerAddress => ({ ...parseAddress(server), tls, token: shown });
  const addresses = servers.map(at);
  const check = new ClusterCheck(cluster);
  const time = new JournalTime(() => graphs);
  const telemetry = openTelemetry === undefined ? undefined : new ClientTelemetry(openTelemetry);
  const graphs: GraphChannel = new Channel(addresses, graphsService, deadlineMs, time, check, telemetry);
  const channels: Closable[] = [graphs];
  const open = <C extends object, Client>(service: StoreClient<C, Client>): Client => {
    const given = options[service.servers as keyof StoreServers];
    const places: Whereabouts[] =
      given?.map(at) ??
      graphs.infos.map((info, i) => async (deadline) => ({
        ...addresses[i]!,
        port: service.port(await info(deadline)) ?? service.defaultPort,
      }));
    const channel = new Channel(places, service, deadlineMs, time, check, telemetry);
    channels.push(channel);
    return service.open(channel);
  };
  const clients = Object.fromEntries(
    Object.entries(services).map(([name, service]) => [name, open(service as unknown as StoreClient<object, unknown>)]),
  ) as unknown as StoreClients;
  const roost: Roost = Object.assign(new ClusterClient(graphs, channels), clients);
  try {
    await roost.graphs();
    time.start();
    return roost;
  } catch (error) {
    await roost.close();
    throw error;
  }
}

type Closable = Pick<GraphChannel, 'close' | 'drain'>;

/** A client of a Roost cluster. It keeps the process alive until it is closed. */
export type Roost = ClusterClient & StoreClients;

/** The client of a cluster's graphs, which owns the connections of the other clients too. */
export class ClusterClient {
  readonly #graphs = new Map<string, Graph>();

  constructor(
    private readonly channel: GraphChannel,
    private readonly channels: readonly Closable[],
  ) {}

  /** A graph by its name. Throws `NotFound`. */
  async graph(name: string, options: CallOptions = {}): Promise<Graph> {
    const known = this.#graphs.get(name);
    if (known !== undefined) return known;
    const graphs = await this.graphs(options);
    const found = graphs.find((graph) => graph.name === name);
    if (found !== undefined) return found;
    const there = graphs.length === 0 ? 'there are none' : `there are ${graphs.map((graph) => graph.name).join(', ')}`;
    throw new RoostError('NotFound', `there is no graph ${JSON.stringify(name)}; ${there}`, {
      fields: { graph: name },
    });
  }

  /** All graphs, as the server knows them at this moment. */
  async graphs(options: CallOptions = {}): Promise<Graph[]> {
    const listed = await this.channel.call((client) => client.list_graphs(), options);
    const graphs = listed.map(({ id, name }) => {
      const known = this.#graphs.get(name);
      return known?.id === id ? known : new Graph(this.channel, id, name);
    });
    this.#graphs.clear();
    for (const graph of graphs) this.#graphs.set(graph.name, graph);
    return graphs;
  }

  /**
   * Several operations on any graphs in one call, accepted in order: all or none. `batch.in(graph)` adds operations
   * on one graph.
   */
  batch(fill: (batch: Batch) => unknown, options: WriteCallOptions = {}): Promise<void> {
    return sendBatch(this.channel, fill, options);
  }

  /**
   * The first page of each query, in one call of at most `limits.queriesPerCall`. Queries run in parallel; if one
   * fails, the call fails.
   */
  pages(queries: readonly NodeQuery[], options: Omit<PageOptions, 'cursor'> = {}): Promise<NodeIdPage[]> {
    return NodeQuery.pages(this.channel, queries, options);
  }

  /** Jobs that wait in the journal. If all counts are zero, every write made before the call has been applied. */
  async journal(options: CallOptions = {}): Promise<JournalStatus> {
    const status = await this.channel.call((client) => client.journal_status(), options);
    return {
      queued: {
        high: Number(status.queued_high),
        medium: Number(status.queued_medium),
        low: Number(status.queued_low),
      },
      failing: Number(status.failing),
      bad: Number(status.bad),
    };
  }

  /**
   * Waits up to `drainMs` for calls in flight, including calls made meanwhile; fails the rest with
   * `FailedPrecondition`; and leaves no socket or timer open.
   */
  async close({ drainMs = 0 }: CloseOptions = {}): Promise<void> {
    if (parseCount(drainMs, 'drainMs', 0, limits.maxDeadlineMs) > 0) {
      const deadline = Deadline.after(drainMs);
      await Promise.all(this.channels.map((channel) => channel.drain(deadline)));
    }
    await Promise.all(this.channels.map((channel) => channel.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
