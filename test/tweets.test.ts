import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServerReady, serverReadySchema } from '../cli/serverReady.js';
import { connect, isRoostError, parseSnowflake, type Roost } from '../sdk/index.js';
import { callRoost } from './callRoost.js';
import { type Finished, roostMain } from './runRoost.js';
import { freshCluster } from './support/index.js';

const cluster = freshCluster('tweets');
const folder = mkdtempSync(join(tmpdir(), 'roost-tweets-'));
/** The cluster's configuration with the ports that the server got. */
const configPath = join(folder, 'roost.config.json');
const corpus = join(import.meta.dirname, '../../shared/data/tweets.csv.gz');
let server: ChildProcess;
let ready: ServerReady;
let roost: Roost;
const materialized = { acknowledgment: 'materialized' } as const;

const run = (...args: string[]): Promise<Finished> => callRoost(['tweets', ...args, '--config', configPath], folder);
async function answer<T = Record<string, unknown>>(...args: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await run(...args, '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}
const file = (name: string, content: string | Buffer): string => {
  writeFileSync(join(folder, name), content);
  return name;
};

beforeAll(async () => {
  server = spawn(process.execPath, [roostMain, 'serve', '--json', '--config', cluster.configPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: server.stdout! })) {
    ready = serverReadySchema.parse(JSON.parse(line));
    break;
  }
  writeFileSync(
    configPath,
    JSON.stringify({ ...cluster.config, server: { flockPort: ready.flock.port, tbirdPort: ready.tbird.port } }),
  );
  roost = await connect(`127.0.0.1:${ready.flock.port}`);
});

afterAll(async () => {
  await roost?.close();
  server.kill('SIGTERM');
  if (server.exitCode === null) await once(server, 'exit');
  rmSync(folder, { recursive: true, force: true });
});

it('says what to do while tweets are not set up', async () => {
  const refused = await run('create', '1', 'hello');
  expect(refused).toMatchObject({ exitCode: 13, stdout: '' });
  expect(refused.stderr).toContain('`roost tweets setup` does it');
  expect((await run('setup', '--window', '1w')).exitCode).toBe(2);
  const bad = await run('setup', '--replicas', '3');
  expect(bad).toMatchObject({ exitCode: 10 });
  expect(bad.stderr).toContain('3 replicas need as many hosts');
});

describe('a client', () => {
  it('uses tweets that were set up while the server ran', async () => {
    const set = await answer('setup', '--window', '1d', '--stripes', '3', '--replicas', '2');
    expect(set).toMatchObject({ windowMs: 86_400_000, stripes: 3, replicas: 2, retentionMs: null });
    // A running server sees it at its next poll.
    await expect
      .poll(
        () =>
          roost.tweets.windows().then(
            (windows) => windows.length,
            () => 0,
          ),
        { timeout: 10_000, interval: 50 },
      )
      .toBeGreaterThan(0);
    await expect
      .poll(
        () =>
          roost.tweets.timelineIds(1).then(
            () => true,
            () => false,
          ),
        { timeout: 10_000, interval: 50 },
      )
      .toBe(true);
  });

  it('stores tweets and reads them by id, many callers in one call', async () => {
    const first = await roost.tweets.create(
      { userId: 1, text: 'just setting up my twttr', flags: 3, extra: { lang: 'en' } },
      materialized,
    );
    const [reply, retweet] = await roost.tweets.createMany(
      [
        { userId: 2, text: '@1 welcome', replyToTweetId: first, replyToUserId: 1 },
        { userId: 2, text: 'RT', retweetOfId: first },
      ],
      materialized,
    );
    const [tweet, missing, again] = await Promise.all([
      roost.tweets.get(first),
      roost.tweets.get(77),
      roost.tweets.get(first),
    ]);
    expect(tweet).toMatchObject({
      id: first,
      userId: 1n,
      text: 'just setting up my twttr',
      flags: 3,
      extra: '{"lang":"en"}',
      createdAtMs: parseSnowflake(first).timeMs,
    });
    expect(missing).toBeUndefined();
    expect(again).toEqual(tweet);
    expect((await roost.tweets.timeline(2)).map(({ id }) => id)).toEqual([retweet, reply]);
    expect(await roost.tweets.timelineIds(2, { retweets: false })).toEqual([reply]);
    expect(await roost.tweets.replyIds(first)).toEqual([reply]);
    expect(await roost.tweets.retweetIds(first)).toEqual([retweet]);
    expect(await roost.tweets.scan(2, { count: 1 })).toMatchObject({
      windowsRead: 1,
      tablesRead: 3,
      tweets: [{ id: retweet }],
    });
    await roost.tweets.delete(first, materialized);
    expect(await roost.tweets.get(first)).toBeUndefined();
    expect((await roost.tweets.getMany([first], { deleted: true }))[0]?.deletedAt).toBeTypeOf('bigint');
    await roost.tweets.undelete(first, materialized);
    expect((await roost.tweets.get(first))?.text).toBe('just setting up my twttr');
  });

  it('gets tweets ready to be sent on, as fragments', async () => {
    const made = await roost.tweets.createMany(
      [
        { userId: 11, text: 'ö' },
        { userId: 11, text: '@2 hi', replyToUserId: 2 },
      ],
      materialized,
    );
    const parsed = (fragments: readonly (Buffer | undefined)[]): unknown[] =>
      fragments.map((fragment) => fragment && (JSON.parse(fragment.toString()) as unknown));
    const [first, second] = made.map(String);
    const [reply, missing, ...others] = parsed(
      await roost.tweets.fragments('json', [made[1]!, 77, made[0]!, made[1]!]),
    );
    expect(missing).toBeUndefined();
    expect([reply, ...others]).toMatchObject([
      { id: second, reply_to_user_id: '2' },
      { id: first, text: 'ö' },
      { id: second },
    ]);
    expect(parsed(await roost.tweets.timelineFragments('short', 11))).toEqual([
      { id: second, user_id: '11', text: '@2 hi' },
      { id: first, user_id: '11', text: 'ö' },
    ]);
    expect(await roost.tweets.fragments('json', [])).toEqual([]);
    const many = Array.from({ length: 2_500 }, (_, i) => (i % 2 === 0 ? made[0]! : 77n));
    expect((await roost.tweets.fragments('short', many)).map((fragment) => fragment?.toString())).toEqual(
      many.map((id) => (id === 77n ? undefined : JSON.stringify({ id: first, user_id: '11', text: 'ö' }))),
    );
    await expect(roost.tweets.fragments('xml' as 'json', [1])).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining('there are json, short') as string,
    });
  });

  it('reserves ids, so that the same create may be made again by one who has nothing but the id', async () => {
    const ids = await roost.tweets.reserveIds(2);
    expect(ids).toEqual([...ids].sort((a, b) => Number(a - b)));
    const tweet = { userId: 12, text: 'once', id: ids[0]! };
    expect([await roost.tweets.create(tweet, materialized), await roost.tweets.create(tweet, materialized)]).toEqual([
      ids[0],
      ids[0],
    ]);
    expect(await roost.tweets.timelineIds(12)).toEqual([ids[0]]);
    await expect(roost.tweets.reserveIds(0)).rejects.toMatchObject({ code: 'InvalidArgument' });
  });

  it('counts favorites, retweets and replies of many tweets in one call', async () => {
    const id = await roost.tweets.create({ userId: 77, text: 'hi @bob', mentions: [78, '79'] }, materialized);
    await roost.tweets.create({ userId: 78, text: 'hi', replyToTweetId: id }, materialized);
    await (await roost.graph('tweet_favorites')).add(78, id, materialized);
    expect(await roost.tweets.counts([1, id])).toEqual([
      { favorites: 0n, retweets: 0n, replies: 0n },
      { favorites: 1n, retweets: 0n, replies: 1n },
    ]);
    expect(await answer('counts', String(id))).toEqual({
      counts: [{ id: String(id), favorites: '1', retweets: '0', replies: '1' }],
    });
  });

  it('turns tweets into JSON with ids as decimal strings', async () => {
    const id = await roost.tweets.create({ userId: 13, text: 'json', replyToTweetId: 77 }, materialized);
    const tweet = JSON.parse(JSON.stringify(await roost.tweets.get(id, { deadlineMs: 10_000 }))) as unknown;
    expect(tweet).toEqual({
      id: id.toString(),
      userId: '13',
      text: 'json',
      createdAtMs: parseSnowflake(id).timeMs,
      replyToTweetId: '77',
      flags: 0,
    });
    expect(JSON.parse(JSON.stringify(await roost.tweets.scan(13)))).toMatchObject({ tweets: [{ userId: '13' }] });
    expect(JSON.parse(JSON.stringify(await roost.tweets.windows()))).toContainEqual(
      expect.objectContaining({ phase: 'open', firstId: expect.stringMatching(/^\d+$/) as string }),
    );
  });

  it('refuses the names that fields had before', async () => {
    for (const [old, name] of [
      ['retweetOf', 'retweetOfId'],
      ['createdAt', 'createdAtMs'],
      ['user', 'userId'],
    ]) {
      const tweet = { userId: 1, text: 'x', [old!]: 1 };
      await expect(roost.tweets.create(tweet)).rejects.toMatchObject({
        code: 'InvalidArgument',
        message: `a tweet's ${old} is named ${name} now`,
      });
    }
  });

  it('gets errors with codes', async () => {
    const thrown = async (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);
    expect(isRoostError(await thrown(roost.tweets.create({ userId: 0, text: 'x' })), 'InvalidArgument')).toBe(true);
    expect(isRoostError(await thrown(roost.tweets.create({ userId: 1, text: 'a\udc00' })), 'InvalidArgument')).toBe(
      true,
    );
    const id = await roost.tweets.create({ userId: 1, text: 'one' }, materialized);
    const error = await thrown(roost.tweets.create({ userId: 1, text: 'two', id }));
    if (!isRoostError(error, 'AlreadyExists')) throw error;
    expect(error.fields['stored']).toContain('"one"');
    expect(error.fields['given']).toContain('"two"');
  });
});

describe('the commands', () => {
  it('store, show, delete and bring back a tweet', async () => {
    const { id } = await answer<{ id: string }>('create', '42', 'from the command line');
    expect((await run('get', id)).stdout).toContain('from the command line');
    expect(await answer('timeline', '42')).toMatchObject({ tweets: [{ id, text: 'from the command line' }] });
    expect((await run('timeline', '42', '--explain')).stdout).toMatch(/read \d+ of \d+ windows/);
    expect((await run('delete', id)).stdout).toBe(`${id} is deleted\n`);
    expect(await run('get', id)).toMatchObject({ exitCode: 11 });
    expect((await run('get', id, '--deleted')).stdout).toContain('(deleted)');
    expect((await run('undelete', id)).stdout).toBe(`${id} is back\n`);
    expect((await run('create', '42', '')).stderr).toContain('the text is empty');
    expect((await run('windows')).stdout).toContain('open');
    expect(await answer('roll')).toEqual({ made: [], dropped: [], held: [], heldBack: [], moving: 0 });
  });

  it('import CSV with quoted lines, and report rows whose time is not that of the id', async () => {
    const path = file(
      'small.csv.gz',
      gzipSync(
        '\ufeffid,created_at,text\n125082707389718530,2011-10-15T05:36:56Z,"two\nlines, ""quoted"""\n125085987431923714,2011-10-15T05:49:58Z,plain\n126781241423962113,2011-10-19T22:02:34Z,moved\n',
      ),
    );
    const report = await answer('import', path, '--wait', '--user', '7');
    expect(report).toMatchObject({
      tweetCount: 3,
      badRowCount: 0,
      otherTimes: [
        { line: 5, id: '126781241423962113', given: '2011-10-19T22:02:34.000Z', ofId: '2011-10-19T22:06:18.094Z' },
      ],
    });
    const [tweet] = await roost.tweets.getMany([125082707389718530n]);
    expect(tweet).toMatchObject({ userId: 7n, text: 'two\nlines, "quoted"' });
    expect(await roost.tweets.timelineIds(7)).toEqual([126781241423962113n, 125085987431923714n, 125082707389718530n]);
    // A repeated import stores nothing twice.
    await answer('import', path, '--wait', '--user', '7');
    expect(await roost.tweets.timelineIds(7)).toHaveLength(3);
    expect((await run('import', path, '--user', '8')).stderr).toContain('is there with other content');
  });

  it('refuse a file with a bad row before anything is stored, or leave the row out', async () => {
    const path = file(
      'bad.ndjson',
      '{"id": "300000000000000001", "user_id": 9, "text": "good"}\n{"id": "300000000000000002", "user_id": 9, "text": ""}\nnot json\n{"id": 1.5}\n',
    );
    const refused = await run('import', path);
    expect(refused).toMatchObject({ exitCode: 10, stdout: '' });
    expect(refused.stderr).toContain('bad.ndjson:2: the text is empty');
    expect(await roost.tweets.timelineIds(9)).toEqual([]);
    expect(await answer('import', path, '--skip-bad', '--wait')).toMatchObject({ tweetCount: 1, badRowCount: 3 });
    expect(await roost.tweets.timelineIds(9)).toEqual([300000000000000001n]);
    const cut = gzipSync(
      `id,text\n${Array.from({ length: 5_000 }, (_, i) => `${300000000000000100n + BigInt(i)},tweet ${Math.random()}`).join('\n')}`,
    );
    expect((await run('import', file('cut.csv.gz', cut.subarray(0, cut.length / 2)))).stderr).toContain(
      'cannot be read beyond line',
    );
    expect((await run('import', file('ragged.csv', 'id,text\n1\n'))).exitCode).toBe(10);
    expect((await run('import', 'nowhere.csv')).exitCode).toBe(11);
  });

  it('go on with an import where it stopped', async () => {
    const rows = Array.from({ length: 2_500 }, (_, i) => `${310000000000000000n + BigInt(i)},10,tweet ${i}`);
    const path = file('long.csv', `id,user_id,text\n${rows.join('\n')}\n`);
    await answer('import', path, '--wait', '--resume', 'progress');
    expect(existsSync(join(folder, 'progress'))).toBe(false);
    expect((await roost.tweets.timelineIds(10, { count: 3_000 })).length).toBe(2_500);
    const { mark } = await import('../cli/tweets/tweetFile.js').then(({ TweetFile }) =>
      TweetFile.open(join(folder, path)),
    );
    file('progress', `${mark}\n2000\n`);
    expect(await answer('import', path, '--resume', 'progress')).toMatchObject({ tweetCount: 2_500, resumedAt: 2_000 });
    file('progress', `other\n2000\n`);
    expect((await run('import', path, '--resume', 'progress')).stderr).toContain('is the record of another file');
  });

  it.skipIf(!existsSync(corpus))(
    'import a corpus of 5,113 tweets into their windows and indexes',
    async () => {
      const report = await answer<{ tweetCount: number; otherTimes: { id: string }[] }>('import', corpus, '--wait');
      expect(report.tweetCount).toBe(5_113);
      expect(report.otherTimes.map(({ id }) => id)).toEqual([
        '126781241423962112',
        '126868465377226752',
        '126871458726162432',
      ]);
      expect(gunzipSync(readFileSync(corpus)).includes(report.otherTimes[0]!.id)).toBe(true);
      const check = await answer<{ tweets: number; faults: unknown[] }>('check');
      expect(check.tweets).toBeGreaterThan(5_113);
      expect(check.faults).toEqual([]);
    },
    60_000,
  );
});
