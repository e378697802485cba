import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { append, notesTopology, openNotes } from '../../test/support/notes.js';
import { freshCluster } from '../../test/support/index.js';
import type { Gizzard } from '../gizzard.js';

const { config } = freshCluster('silent_redis', {});
const hosts = Object.keys(config.databaseHosts);
const opened: Gizzard[] = [];
const sockets = new Set<Socket>();
let way: Server;

afterEach(async () => {
  await Promise.all(opened.splice(0).map((gizzard) => gizzard.close()));
  way.close();
  for (const socket of sockets) socket.destroy();
});

it('a connection to Redis that goes silent, as when its host loses power, is made anew: callers hear again that their writes were applied', async () => {
  way = createServer((near) => {
    const far = connect(config.redis.port, config.redis.host);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  });
  way.listen(0, '127.0.0.1');
  await once(way, 'listening');
  const writer = openNotes({
    ...config,
    redis: { ...config.redis, host: '127.0.0.1', port: (way.address() as AddressInfo).port },
  });
  const worker = openNotes(config);
  opened.push(writer, worker);
  await writer.nameServer.create();
  await writer.apply(notesTopology(hosts));
  await writer.start({ work: false });
  await worker.start({ work: true });
  await append(writer, [{ key: 1n, value: 1 }], { wait: true });

  // Nothing is said any more on the connections there are, and nobody says so.
  for (const socket of sockets) socket.unpipe().pause();
  let value = 1;
  await expect
    .poll(
      () =>
        append(writer, [{ key: 1n, value: ++value }], { wait: true, deadlineMs: 1_500 }).then(
          () => true,
          () => false,
        ),
      { timeout: 30_000 },
    )
    .toBe(true);
}, 60_000);
