import { afterEach, expect } from 'vitest';
import { BinaryReader } from '../../wire/index.js';
import { RawClient } from './rawClient.js';
import { startTestServer, type TestServer } from './testServer.js';

const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

/** A server for one test. */
export async function start(...args: Parameters<typeof startTestServer>): Promise<TestServer> {
  const server = await startTestServer(...args);
  open.push(server);
  return server;
}

/** A connection for one test. */
export async function client(server: TestServer): Promise<RawClient> {
  const raw = await RawClient.connect(server.port);
  open.push(raw);
  return raw;
}

/** The text of an exception that a method declares. */
export function exceptionText(message: Buffer): string {
  const input = new BinaryReader(message);
  input.readMessageBegin();
  expect(input.readFieldBegin().fid).toBe(1);
  input.readFieldBegin();
  return input.readString();
}

/** The first line of the server's metrics that matches; undefined where none does. */
export const metric = async (server: TestServer, line: RegExp): Promise<string | undefined> =>
  line.exec(await server.metrics.registry.metrics())?.[0];
