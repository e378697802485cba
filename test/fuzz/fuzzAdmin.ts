import { connect } from 'node:net';
import { seededRandom } from '../moving/seededRandom.js';

const lanes = 4;
const requestsPerBatch = 16;

/**
 * Sends right and wrong requests until so many are answered, and counts the answers by their status; `closed` counts
 * connections that ended without an answer.
 */
export async function fuzzAdmin(port: number, seed: number, answers: number): Promise<Record<string, number>> {
  const random = seededRandom(seed);
  const figures: Record<string, number> = {};
  let answered = 0;
  const count = (what: string): void => void (figures[what] = (figures[what] ?? 0) + 1);
  const lane = async (): Promise<void> => {
    while (answered < answers) {
      const batch = Array.from({ length: requestsPerBatch }, () => request(random));
      const text = await exchange(port, [...batch, lastRequest]);
      const statuses = text.match(/HTTP\/1\.1 \d{3}/g) ?? ['closed'];
      for (const status of statuses) count(status.slice(-3));
      answered += statuses.length;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return figures;
}

const lastRequest = 'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';

/**
 * Returns everything that the server sends until it ends the connection, which the last request asks for. Each
 * request is sent when the one before is answered.
 */
async function exchange(port: number, requests: string[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  const chunks: Buffer[] = [];
  const next = (): void => void socket.write(Buffer.from(requests.shift() ?? '', 'latin1'));
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    next();
  });
  // A server may also close with a reset.
  socket.on('error', () => undefined);
  next();
  // A body that never ends gets no answer, so the test stops waiting.
  socket.setTimeout(500, () => socket.destroy());
  await new Promise((resolve) => socket.on('close', resolve));
  return Buffer.concat(chunks).toString('latin1');
}

const methods = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'];
const paths = ['/healthz', '/readyz', '/server_info', '/server_info.txt', '/stats.txt', '/metrics', '/', '*', '/none'];

/** Returns a request. One in ten is wrong, and mostly ends its connection. */
function request(random: (below: number) => number): string {
  const one = <T>(list: readonly T[]): T => list[random(list.length)]!;
  const wild = random(10) === 0;
  const junk = (most: number): string =>
    Array.from({ length: random(most) }, () => String.fromCharCode(random(256))).join('');
  // The metrics cost by far the most.
  const path = random(20) > 0 ? '/healthz' : one(paths);
  const url = one([
    path,
    path,
    `${path}?a=${random(100)}`,
    `/..${path}`,
    `http://x${path}`,
    `/%00%ff`,
    `/${'x'.repeat(random(500))}`,
  ]);
  const body = random(8) === 0 ? 'x'.repeat(random(200)) : '';
  const headers = ['host: x', ...(body === '' ? [] : [`content-length: ${body.length}`])];
  if (!wild) return `${one(methods)} ${url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${body}`;
  headers.push(
    ...one([
      [`${junk(10)}: ${junk(20)}`],
      ['transfer-encoding: chunked'],
      ['content-length: -1', 'content-length: 5'],
      Array.from({ length: 300 }, (_, i) => `x-${i}: ${'y'.repeat(random(100))}`),
    ]),
  );
  const [method, target, version] = [
    one([...methods, 'BREW', 'get', '', junk(5)]),
    one([url, `/${junk(20)}`, `/${'x'.repeat(random(9_000))}`, '']),
    one(['HTTP/1.1', 'HTTP/1.0', 'HTTP/9.9', junk(5)]),
  ];
  return `${method} ${target} ${version}\r\n${headers.join('\r\n')}\r\n\r\n${body}`;
}
