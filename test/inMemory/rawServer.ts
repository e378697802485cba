import { expect, onTestFinished } from 'vitest';
import { BinaryReader } from '../../wire/index.js';
import { RawClient } from './rawClient.js';
import { startTestServer, type TestServer } from './testServer.js';

/** Starts a server for one test. */
export async function start(...args: Parameters<typeof startTestServer>): Promise<TestServer> {
  const server = await startTestServer(...args);
  onTestFinished(() => server.close());
  return server;
}

/** Opens a connection for one test. */
export async function client(server: TestServer): Promise<RawClient> {
  const raw = await RawClient.connect(server.port);
  onTestFinished(() => raw.close());
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

/** Returns the first line of the server's metrics that matches; undefined if none does. */
export const metric = async (server: TestServer, line: RegExp): Promise<string | undefined> =>
  line.exec(await server.metrics.registry.metrics())?.[0];
