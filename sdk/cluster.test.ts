import { afterEach, describe, expect, it } from 'vitest';
import type { ServerInfo } from '../server/index.js';
import { startTestServer, type TestServer } from '../test/inMemory/testServer.js';
import { connect, type ConnectOptions, type Roost } from './index.js';

const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const info = (cluster: string): ServerInfo => ({ cluster, version: '0.2.0', ports: { flock: 1, tbird: 1, users: 1 } });

async function start(cluster: string | undefined, port = 0): Promise<TestServer> {
  const server = await startTestServer({ port, ...(cluster === undefined ? {} : { info: () => info(cluster) }) });
  open.push({ close: () => server.close(0) });
  return server;
}

async function client(servers: readonly TestServer[], options: Partial<ConnectOptions> = {}): Promise<Roost> {
  const roost = await connect({ servers: servers.map(({ address }) => address), ...options });
  open.push(roost);
  return roost;
}

const refused = (of: string, by: string) => ({
  code: 'FailedPrecondition',
  message: expect.stringContaining(`belongs to cluster ${of}, not to ${by}`) as string,
  fields: { cluster: of, expectedCluster: by },
});

describe('a server of another cluster', () => {
  it('is refused where the caller names the cluster', async () => {
    const server = await start('blue');
    await expect(connect({ servers: [server.address], cluster: 'green' })).rejects.toMatchObject(
      refused('blue', 'green'),
    );
    expect((await (await client([server], { cluster: 'blue' })).graphs()).length).toBe(2);
  });

  it('is refused beside the one that answered first, which still gets calls', async () => {
    const [blue, green] = [await start('blue'), await start('green')];
    const roost = await client([blue, green], { cluster: 'blue' });
    const follows = await roost.graph('follows');
    for (let i = 0; i < 6; i++) await follows.count(i);
    expect(green.flock.calls).toEqual([]);
    await expect(connect({ servers: [green.address, green.address], cluster: 'blue' })).rejects.toMatchObject(
      refused('green', 'blue'),
    );
  });

  it('is refused also when it has taken the place of one of ours', async () => {
    const server = await start('blue');
    const roost = await client([server]);
    const follows = await roost.graph('follows');
    await server.close(0);
    const other = await start('green', server.port);
    await expect(follows.add(1, 2)).rejects.toMatchObject(refused('green', 'blue'));
    expect(other.flock.calls).toEqual([]);
  });

  it('is refused as a server of tweets and of users', async () => {
    const [blue, green] = [await start('blue'), await start('green')];
    const roost = await client([blue], { tweetServers: [green.address], userServers: [green.address] });
    await expect(roost.tweets.get(1)).rejects.toMatchObject(refused('green', 'blue'));
    await expect(roost.users.get(1)).rejects.toMatchObject(refused('green', 'blue'));
  });
});

it('a server that does not name its cluster is accepted', async () => {
  expect(await (await client([await start(undefined)], { cluster: 'blue' })).graphs()).toHaveLength(2);
  const old = await startTestServer({ without: 'server_info' });
  open.push({ close: () => old.close(0) });
  expect(await (await client([old], { cluster: 'blue' })).graphs()).toHaveLength(2);
});
