import { createServer, type Server } from 'node:net';

/**
 * Distinct ports of the loopback address that nothing listens on. Another process may take a port before its use, so
 * a caller that starts a server on it retries with another port.
 */
export async function freePorts(count: number): Promise<number[]> {
  // All ports are held at once, or the system might return the same port twice.
  const servers = await Promise.all(Array.from({ length: count }, listen));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

const listen = (): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
