import { createServer, type Server } from 'node:net';

/**
 * Ports of the loopback address that nothing listens on, all different. Another process may take one before it is used, so that
 * whoever starts a server on it tries again with another.
 */
export async function freePorts(count: number): Promise<number[]> {
  // All are held at once, or the system might hand out the same one twice.
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
