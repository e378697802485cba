import { Metrics, silentLog } from '../../core/index.js';
import { flockProcessor, ThriftServer, type ServerLimitOptions } from '../../rpc/index.js';
import { TestFlock } from './testFlock.js';

/** A Thrift server on a free port of loopback, above a flock in memory. */
export interface TestServer {
  readonly flock: TestFlock;
  readonly metrics: Metrics;
  readonly port: number;
  /** host:port. */
  readonly address: string;
  close(graceMs?: number): Promise<void>;
}

export async function startTestServer(options: { readonly limits?: ServerLimitOptions; readonly port?: number; readonly flock?: TestFlock } = {}): Promise<TestServer> {
  const { flock = new TestFlock(), limits = {}, port = 0 } = options;
  const metrics = new Metrics();
  const processor = flockProcessor(flock, { metrics, log: silentLog });
  const server = await ThriftServer.listen({ host: '127.0.0.1', port, processor, metrics, log: silentLog, limits });
  return { flock, metrics, port: server.port, address: `127.0.0.1:${server.port}`, close: (graceMs) => server.close(graceMs) };
}
