import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getTls } from 'node:https';
import { isLoopback, RoostError } from '../../core/index.js';
import { tokenFor, type ServerAddress } from '../../sdk/index.js';

/** Far more than the largest page has. */
const maxBytes = 64 * 1024 * 1024;

/**
 * A page of a server's admin port. Throws `Unavailable` if the page does not arrive in time, or has a status other
 * than 200.
 */
export async function adminPage(address: ServerAddress, path: string, withinMs: number): Promise<string> {
  const { host, port, tls } = address;
  const token = tokenFor(address);
  const signal = AbortSignal.timeout(withinMs);
  const encrypted = typeof tls === 'function' ? tls() : tls;
  if (encrypted === undefined && !isLoopback(host))
    throw new RoostError('FailedPrecondition', `${host}:${port} is not on loopback: set \`tls\`, or \`server.plain\``);
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const to = { host, port, path, headers, agent: false, signal };
      const request = encrypted ? getTls({ ...to, ...encrypted }, resolve) : getPlain(to, resolve);
      request.on('error', reject);
    });
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of answer as AsyncIterable<Buffer>) {
      parts.push(part);
      if ((bytes += part.length) > maxBytes) throw new Error(`it answered with more than ${maxBytes} bytes`);
    }
    if (answer.statusCode !== 200) throw new Error(`it answered with status ${answer.statusCode}`);
    return Buffer.concat(parts).toString();
  } catch (error) {
    throw new RoostError('Unavailable', (error as Error).message, { cause: error });
  }
}
