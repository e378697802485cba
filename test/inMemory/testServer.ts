import { Metrics, ServerTls, silentLog, type OwnTlsConfig } from '../../process/index.js';
import { flockProcessor } from '../../flock/index.js';
import type { PortAccess } from '../../access/index.js';
import { ThriftServer, type Peer, type ServerInfo, type ServerLimitOptions } from '../../server/index.js';
import { BinaryReader } from '../../wire/index.js';
import { TestFlock } from './testFlock.js';

/** A Thrift server on a free port of loopback, above a flock in memory. */
export interface TestServer {
  readonly flock: TestFlock;
  readonly metrics: Metrics;
  /** The peer of each connection that was made. */
  readonly peers: readonly Peer[];
  readonly port: number;
  /** host:port. */
  readonly address: string;
  close(graceMs?: number): Promise<void>;
}

/** @param options.without a method that it does not know, as a server of an older release */
export async function startTestServer(
  options: {
    readonly limits?: ServerLimitOptions;
    readonly port?: number;
    readonly flock?: TestFlock;
    readonly without?: string;
    readonly info?: () => ServerInfo;
    readonly access?: PortAccess;
    readonly tls?: OwnTlsConfig;
  } = {},
): Promise<TestServer> {
  const { flock = new TestFlock(), limits = {}, port = 0, without, info, access, tls } = options;
  const peers: Peer[] = [];
  const metrics = new Metrics();
  const service = flockProcessor(flock, { metrics, log: silentLog, ...(info === undefined ? {} : { info }) });
  const processor: typeof service = {
    open: (caller) => {
      peers.push(caller.peer);
      const session = service.open(caller);
      return {
        ...session,
        process(message, output) {
          const { fname, rseqid } = new BinaryReader(message).readMessageBegin();
          if (fname === without) output.writeFailure(fname, rseqid, `Unknown function ${fname}`);
          else session.process(message, output);
        },
      };
    },
  };
  const server = await ThriftServer.listen({
    service: 'flock',
    host: '127.0.0.1',
    port,
    processor,
    metrics,
    log: silentLog,
    limits,
    ...(access === undefined ? {} : { access }),
    ...(tls && { tls: new ServerTls(tls, silentLog) }),
  });
  return {
    flock,
    metrics,
    peers,
    port: server.port,
    address: `127.0.0.1:${server.port}`,
    close: (graceMs) => server.close(graceMs),
  };
}
