import type { IncomingMessage } from 'node:http';
import { RoostError } from '../core/index.js';

const maxBytes = 4_096;

/**
 * Reads the fields of a posted form. Throws `InvalidArgument` if the form is too long. Sets no time limit; the server
 * does.
 */
export async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new RoostError('InvalidArgument', `a form has at most ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}
