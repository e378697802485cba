import { createServer, type AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { JobInjectorClient } from '../wire/index.js';
import { ThriftConnection } from './thriftConnection.js';

it('gives a silent server up at the deadline of a call, where its service has nothing cheap to ask for', async () => {
  const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const connection = await ThriftConnection.open(
    { host: '127.0.0.1', port },
    { Client: JobInjectorClient },
    Deadline.after(5_000),
  );
  try {
    const inject = (): Promise<void> => connection.call((client) => client.inject_jobs([]), Deadline.after(50));
    await expect(inject()).rejects.toMatchObject({ code: 'DeadlineExceeded' });
    expect(connection.failed).toBe(true);
    await expect(inject()).rejects.toMatchObject({ code: 'Unavailable', message: /it does not answer/ });
  } finally {
    await connection.close();
    server.close();
  }
});
