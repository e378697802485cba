import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatWithOptions } from 'node:util';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCluster, serveCluster, type Cluster, type ServedCluster } from '../cluster/index.js';
import { Dashboard } from '../dashboard/index.js';
import { startPlayground, type Playground } from '../playground/index.js';
import { type ClusterConfigInput, clusterSchema } from './clusterConfig.js';
import { connect, type Roost } from '../sdk/index.js';
import { timelineStore, type TimelineStats } from '../timeline/index.js';
import { callRoost } from './callRoost.js';

const folder = mkdtempSync(join(tmpdir(), 'roost-timelines-'));
const materialized = { acknowledgment: 'materialized' } as const;
let playground: Playground;
let cluster: Cluster<readonly [typeof timelineStore]>;
let served: ServedCluster;
let dashboard: Dashboard;
let client: Roost;
/** The cluster's configuration with the ports that the server got. */
const configPath = join(folder, 'roost.config.json');
const roost = (...args: string[]) => callRoost([...args, '--config', configPath], folder);
const portOf = (store: string): number => served.stores[store]!.port;

beforeAll(async () => {
  playground = await startPlayground({ dir: join(folder, 'p'), databaseHosts: 2, redisServers: 3, caches: 0 });
  const given = JSON.parse(readFileSync(playground.configPath, 'utf8')) as ClusterConfigInput;
  const [, tl1, tl2] = playground.redisServers;
  const anyPort = { managerPort: 0, injectorPort: 0, adminPort: 0 };
  const config = clusterSchema.parse({ ...given, server: anyPort, timeline: { hosts: { tl1, tl2 } } });
  cluster = await openCluster(config, [timelineStore], { work: true, create: true });
  dashboard = new Dashboard(cluster, 'test');
  served = await serveCluster(cluster, { version: 'test', site: dashboard });
  const { timeline } = cluster.stores;
  await timeline.flock.createGraph('follows', { shards: 2, replicas: 2 });
  await timeline.tbird.setup({ policy: { replicas: 2 }, graphShards: 2 });
  writeFileSync(
    configPath,
    JSON.stringify({
      ...config,
      server: {
        ...config.server,
        flockPort: portOf('flock'),
        tbirdPort: portOf('tbird'),
        timelinePort: portOf('timeline'),
      },
    }),
  );
  expect((await roost('timeline', 'home', '11')).stderr).toContain('`roost timeline setup`');
  expect(await roost('timeline', 'setup', '--shards', '2', '--json')).toEqual({
    exitCode: 0,
    stderr: '',
    stdout: '{"shards":2,"replicas":2}\n',
  });
  client = await connect(`127.0.0.1:${portOf('flock')}`);
}, 60_000);

afterAll(async () => {
  await client?.close();
  await served?.close();
  await dashboard?.stop();
  await cluster?.close();
  await playground?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a client', () => {
  it('pages through a home timeline, with the tweets where it wants them', async () => {
    const follows = await client.graph('follows');
    for (const author of [12, 13]) await follows.add(11, author, materialized);
    const made: bigint[] = [];
    for (let i = 0; i < 7; i++)
      made.unshift(await client.tweets.create({ userId: 12 + (i % 2), text: `tweet ${i}` }, materialized));
    await expect.poll(async () => (await client.timelines.home(11)).ids).toEqual(made);
    const first = await client.timelines.home(11, { count: 3 });
    expect(first).toEqual({ ids: made.slice(0, 3), partial: false, nextBeforeId: made[2] });
    expect((await client.timelines.home(11, { before: first.nextBeforeId!, since: made[5]! })).ids).toEqual(
      made.slice(3, 5),
    );
    const pages: bigint[][] = [];
    for await (const { ids } of client.timelines.homePages(11, { count: 3 })) pages.push([...ids]);
    expect(pages.flat()).toEqual(made);
    expect(pages.length).toBeGreaterThanOrEqual(3);
    const { ids, tweets } = await client.timelines.homeFragments('short', 11, { count: 2 });
    expect(ids).toEqual(made.slice(0, 2));
    expect(tweets.map((tweet) => (JSON.parse(tweet.toString()) as { text: string }).text)).toEqual([
      'tweet 6',
      'tweet 5',
    ]);
    expect(JSON.stringify(first)).toContain(`"nextBeforeId":"${made[2]}"`);
  });

  it('pages through what happened to a user, with the tweets to show', async () => {
    const mine = await client.tweets.create({ userId: 21, text: 'mine' }, materialized);
    expect(await client.timelines.activity(21)).toEqual({ activity: [], partial: false });
    await (await client.graph('tweet_favorites')).add(22, mine, materialized);
    await (await client.graph('follows')).add(22, 21, materialized);
    const tweet = { userId: 23, text: 'hi @u21', mentions: [21] };
    const reply = await client.tweets.create({ ...tweet, replyToTweetId: mine }, materialized);
    const named = await client.tweets.create(tweet, materialized);
    const kinds = async () => (await client.timelines.activity(21)).activity.map(({ kind }) => kind);
    await expect.poll(async () => (await kinds()).length).toBe(4);
    const { activity, tweets } = await client.timelines.activityFragments('short', 21);
    const texts = tweets.map((one) => one && (JSON.parse(one.toString()) as { text: string }).text);
    const shown = new Map(activity.map(({ kind, actorId, tweetId }, i) => [kind, [actorId, tweetId, texts[i]]]));
    expect(shown.get('favorited')).toEqual([22n, mine, 'mine']);
    expect(shown.get('followed')).toEqual([22n, undefined, undefined]);
    expect(shown.get('replied')).toEqual([23n, mine, 'hi @u21']);
    expect(shown.get('mentioned')).toEqual([23n, undefined, 'hi @u21']);
    const pages: string[] = [];
    for await (const page of client.timelines.activityPages(21, { count: 1 }))
      pages.push(...page.activity.map(({ kind }) => kind));
    expect(pages).toEqual(activity.map(({ kind }) => kind));
    expect((await client.timelines.mentions(21)).ids).toEqual([named, reply]);
    expect((await client.timelines.userFragments('json', 23)).ids).toEqual([named, reply]);
    const reads = await client.timelines.reads();
    expect(reads.find(({ kind }) => kind === 'activity')).toMatchObject({ rebuilt: 1n, partial: 0n });
    expect(reads.find(({ kind }) => kind === 'activity')!.kept).toBeGreaterThan(3n);
    expect((await roost('timeline', 'activity', '21')).stdout).toMatch(/favorited +22 +\d+ +mine/);
    expect((await roost('timeline', 'user', '21')).stdout).toContain('mine');
    expect((await roost('timeline', 'mentions', '21')).stdout).toContain('hi @u21');
  });

  it('is told the fault of a bad request', async () => {
    await expect(client.timelines.home(11, { count: 0 })).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining('count') as string,
    });
    await expect(client.timelines.home(-1)).rejects.toMatchObject({ code: 'InvalidArgument' });
    await expect(client.timelines.homeFragments('long' as 'json', 11)).rejects.toMatchObject({
      code: 'InvalidArgument',
    });
  });
});

describe('roost timeline', () => {
  it('explains how tweets come to readers', async () => {
    for (const [kind, id] of [
      ['user', '11'],
      ['author', '12'],
    ] as const) {
      const { stdout } = await roost('timeline', 'explain', kind, id, '--json');
      const { pairs } = JSON.parse(stdout) as { readonly pairs: readonly Record<string, unknown>[] };
      const pair = pairs.find(({ authorId }) => authorId === '12');
      expect(pair).toMatchObject({ readerId: '11', decision: 'push' });
      expect(Number(pair!['readsPerDay'])).toBeGreaterThan(0);
      expect(Number(pair!['postsPerDay'])).toBeGreaterThan(0);
      expect(Number(pair!['line'])).toBeGreaterThan(0);
      expect((await roost('timeline', 'explain', kind, id)).stdout).toContain('posts/day');
    }
    expect(await roost('timeline', 'explain', 'everyone', '1')).toMatchObject({ exitCode: 2 });
  });

  it('shows pages of a home timeline, and the command for the next', async () => {
    const { stdout, stderr, exitCode } = await roost('timeline', 'home', '11', '--count', '2');
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('tweet 6') as string]);
    const next = /roost timeline home 11 --before (\d+)/.exec(stdout + stderr)![1]!;
    const page = JSON.parse((await roost('timeline', 'home', '11', '--before', next, '--json')).stdout) as {
      readonly partial: boolean;
      readonly tweets: readonly { readonly user_id: string; readonly text: string }[];
    };
    expect(page.partial).toBe(false);
    expect(page.tweets.map(({ user_id: author, text }) => [author, text]).slice(0, 2)).toEqual([
      ['12', 'tweet 4'],
      ['13', 'tweet 3'],
    ]);
  });

  it('shows counts of lists, reads and deliveries', async () => {
    const made = await client.tweets.create({ userId: 12, text: 'counted' }, materialized);
    await expect.poll(async () => (await client.timelines.home(11)).ids[0]).toBe(made);
    const { stdout } = await roost('timeline', 'stats', '--json');
    const stats = JSON.parse(stdout) as TimelineStats;
    expect(stats).toMatchObject({ servers: 1, jobs: { failing: 0 } });
    const home = stats.kinds.find(({ kind }) => kind === 'home')!;
    expect(home.lists).toBeGreaterThan(0);
    expect(home.entries).toBeGreaterThan(6);
    expect(home.bytes).toBeGreaterThan(home.entries * 28 * 2);
    expect(home.pages.kept).toBeGreaterThan(0);
    expect(home.pages.rebuilt).toBeGreaterThan(0);
    expect(stats.deliveries.pushed).toBeGreaterThan(0);
    expect(stats.deliveries.withinSeconds!.p99).toBeGreaterThanOrEqual(stats.deliveries.withinSeconds!.p50);
    expect(stats.costs.pushSeconds).toBeGreaterThan(0);
    expect((await roost('timeline', 'stats')).stdout).toMatch(/time to deliver +half within/);
  });

  it('shows the same on the dashboard', async () => {
    const rows = async (path: string): Promise<string[]> => {
      const html = await (await fetch(`http://127.0.0.1:${served.admin.port}${path}`)).text();
      return html.split('<tr>').map((row) =>
        row
          .replaceAll(/<[^>]*>/g, ' ')
          .replaceAll(/\s+/g, ' ')
          .trim(),
      );
    };
    // The server posts what it counts every two seconds.
    await expect
      .poll(() => rows('/timelines'), { timeout: 20_000 })
      .toContainEqual(expect.stringMatching(/^home \d+ \d+ \S+ [KM]?i?B [1-9]\d* \d+\.\d %/));
    expect(await rows('/timelines')).toContainEqual(expect.stringMatching(/^pushed [1-9]/));
    const [window] = await cluster.stores.timeline.tbird.windows();
    expect(await rows('/windows')).toContainEqual(expect.stringContaining(`${window!.firstId}`));
  });

  it('compares timelines with the merge of their sources', async () => {
    expect(await roost('timeline', 'check')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/timelines beside their sources.*nothing is wrong/) as string,
    });
  });

  it('rebuilds a timeline that differs', async () => {
    const { timelines } = cluster.stores.timeline;
    const { ids } = await client.timelines.home(11);
    await timelines.store('home:11', [], materialized);
    expect((await client.timelines.home(11, { since: ids[1]! })).ids).toEqual([]);
    expect(await roost('timeline', 'rebuild', '11')).toMatchObject({ exitCode: 0, stderr: '' });
    await expect.poll(async () => (await client.timelines.home(11)).ids).toEqual(ids);
  });
});

interface Examples {
  run(roost: Roost, console: { log(...values: unknown[]): void }, settled: () => Promise<void>): Promise<void>;
}

it('prints in every example the output that docs/timelines.md shows', async () => {
  const text = readFileSync(join(import.meta.dirname, '../docs/timelines.md'), 'utf8');
  const blocks = Array.from(text.matchAll(/^```ts\n(.*?)^```$/gms), (match) => match[1]!);
  const expected = blocks.flatMap((block) => Array.from(block.matchAll(/\/\/ → (.*)$/gm), (match) => match[1]!));
  expect(expected.length).toBeGreaterThan(5);
  const file = join(folder, 'examples.mjs');
  writeFileSync(file, `export async function run(roost, console, settled) {\n${blocks.join('')}}\n`);
  const printed: string[] = [];
  const console = {
    log: (...values: unknown[]) => void printed.push(formatWithOptions({ breakLength: Infinity }, ...values)),
  };
  const settled = async (): Promise<void> => {
    await expect
      .poll(async () => Object.values((await client.journal()).queued).reduce((sum, count) => sum + count), {
        timeout: 20_000,
      })
      .toBe(0);
  };
  const examples = (await import(pathToFileURL(file).href)) as Examples;
  await examples.run(client, console, settled);
  expect(printed).toEqual(expected);
});
