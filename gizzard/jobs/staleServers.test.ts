import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { append, notesOf, notesTopology, openNotes, type Note } from '../../test/support/notes.js';
import { freshCluster } from '../../test/support/index.js';
import type { Gizzard } from '../gizzard.js';

const { config } = freshCluster('stale_servers', { jobs: { errorDelaySeconds: 0.05, claimAfterSeconds: 1 } });
const [db1, db2] = Object.keys(config.databaseHosts) as [string, string];
const note = (value: number): Note => ({ key: 1n, value });
const idle = { queued: 0, failing: 0, bad: 0 };
const opened: Gizzard[] = [];
let way: Server;
const sockets = new Set<Socket>();

/** A way to the first host that can be cut. */
async function openWay(): Promise<number> {
  const { host, port } = config.databaseHosts[db1]!;
  way = createServer((near) => {
    const far = connect(port, host);
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
  return (way.address() as AddressInfo).port;
}

function cut(): void {
  way.close();
  for (const socket of sockets) socket.destroy();
}

afterEach(async () => {
  cut();
  await Promise.all(opened.splice(0).map((gizzard) => gizzard.close()));
});

it('a server that is cut off from the name server applies no job to the leaves of yesterday alone', async () => {
  const open = async (options: { readonly work: boolean; readonly nameServerPort?: number }): Promise<Gizzard> => {
    const { nameServerPort: port } = options;
    // The first host holds the topology as `names`, which is on the way, and shards as itself, which is not.
    const names = { ...config.databaseHosts[db1]!, ...(port === undefined ? {} : { socketPath: undefined, port }) };
    const own = {
      ...config,
      databaseHosts: { ...config.databaseHosts, names },
      nameServer: { ...config.nameServer, hosts: ['names'] },
    };
    const gizzard = openNotes(own);
    opened.push(gizzard);
    await gizzard.nameServer.create();
    if (gizzard.topology.tables.length === 0) await gizzard.apply(notesTopology([db1, db2]));
    await gizzard.start(options);
    return gizzard;
  };
  const writer = await open({ work: false });
  const stale = await open({ work: true, nameServerPort: await openWay() });
  await expect.poll(() => writer.servers.list()).toHaveLength(1);
  await append(writer, [note(0)], { wait: true });
  cut();

  const leaf = { hostname: db1, tablePrefix: 'third' };
  await writer.apply([
    { kind: 'createShard', shard: { id: leaf, type: 'notes', attributes: {}, busy: 'normal' } },
    { kind: 'addLink', link: { parent: writer.topology.route(1, 1n).root.id, child: leaf, weight: 1 } },
  ]);
  // From here on a copy could begin, which relies on every write reaching the new leaf too.
  await writer.servers.allHold(writer.topology.version, new AbortController().signal);
  // The stale server is the only one, and applies it to the leaves that it knows: that does not count.
  const answered = append(writer, [note(21)], { wait: true, deadlineMs: 40_000 }).then(
    async () => (await notesOf(writer))[`${db1}/third`],
  );
  await expect.poll(() => notesOf(writer).then((held) => held[`${db2}/first`]!.length)).toBe(2);
  for (let value = 1; value <= 20; value++) await append(writer, [note(value)]);
  await expect.poll(() => notesOf(writer).then((held) => held[`${db2}/first`]!.length)).toBeGreaterThan(1);
  expect(stale.topology.version).toBeLessThan(writer.topology.version);

  await open({ work: true });
  await expect.poll(() => writer.jobs.sizes('high'), { timeout: 15_000 }).toEqual(idle);
  expect(await answered).toContain('1=21');
  expect((await notesOf(writer))[`${db1}/third`]).toHaveLength(21);
}, 60_000);
