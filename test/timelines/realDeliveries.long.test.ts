import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DegreeCounter } from '../../cli/edges/degreeCounter.js';
import { EdgeFile } from '../../cli/edges/edgeFile.js';
import { TweetFile } from '../../cli/tweets/tweetFile.js';
import { chunks, limits } from '../../core/index.js';
import { checkTimelines, keyOf, type TimelineService } from '../../timeline/index.js';
import { TimelineCluster, untilQuiet } from './timelineCluster.js';

// Delivers real tweets, by the users with the most followers, through a real graph. Every home timeline is compared
// with the file of edges, and with the merge that it should be.

const data = process.env['ROOST_TEST_DATA'] ?? join(import.meta.dirname, '../../../shared/data');
const [graphFile, tweetFile] = [join(data, 'follow-graph.txt.gz'), join(data, 'tweets.csv.gz')];
const hasData = existsSync(graphFile) && existsSync(tweetFile);
const authorCount = 400;
const tweetCount = Number(process.env['ROOST_TEST_TWEETS'] ?? 5_113);
const tweetsAtOnce = 200;
const quietWithinMs = 600_000;
const atOnce = 2_000;
/** The most entries possible: nothing is trimmed, so every delivery can be seen. */
const keep = 8_000;
let cluster: TimelineCluster;
let service: TimelineService;
const followersOf = new Map<bigint, bigint[]>();
const readers = new Set<bigint>();

beforeAll(async () => {
  if (!hasData) return;
  cluster = await TimelineCluster.start({ keep, shards: 8 });
  ({ service } = cluster);
  // Everything is pushed, so that every delivery can be seen in Redis.
  Object.assign(service.costs, { threshold: 0 });
  const file = await EdgeFile.open(graphFile);
  const counter = new DegreeCounter();
  const batches: { sources: BigInt64Array; destinations: BigInt64Array }[] = [];
  await file.check({ signal: new AbortController().signal }, (batch) => {
    counter.add(batch);
    batches.push({ sources: batch.sourceIds.slice(), destinations: batch.destinationIds.slice() });
  });
  const { ids, inDegrees } = counter.result();
  const authors = new Set(
    Array.from(inDegrees.keys())
      .sort((a, b) => inDegrees[b]! - inDegrees[a]!)
      .slice(0, authorCount)
      .map((index) => ids[index]!),
  );
  for (const { sources, destinations } of batches) {
    await service.flock.write(
      {
        graphId: service.flock.graph('follows').id,
        operations: 'add',
        sourceIds: sources,
        destinationIds: destinations,
      },
      { acknowledgment: 'materialized', deadlineMs: 120_000 },
    );
    for (const [i, author] of destinations.entries()) {
      if (!authors.has(author)) continue;
      readers.add(sources[i]!);
      followersOf.set(author, [...(followersOf.get(author) ?? []), sources[i]!]);
    }
  }
  await untilQuiet(service.gizzard, quietWithinMs);
  // A timeline that has never been read receives nothing.
  const all = [...readers, ...authors];
  for (let from = 0; from < all.length; from += atOnce)
    await Promise.all(
      all
        .slice(from, from + atOnce)
        .map((id) => service.timelines.store(`home:${id}`, [], { acknowledgment: 'journaled', deadlineMs: 120_000 })),
    );
  await untilQuiet(service.gizzard, quietWithinMs);
}, 1_800_000);
afterAll(() => cluster?.stop());

it.skipIf(!hasData)(
  'every tweet reaches every follower of its author, once, and nobody else (skipped without the data)',
  async () => {
    const authors = [...followersOf.keys()];
    const expected = new Map<bigint, bigint[]>();
    const to = (reader: bigint, id: bigint): void => void expected.set(reader, [...(expected.get(reader) ?? []), id]);
    let made = 0;
    const startedMs = performance.now();
    for (const texts of chunks(await textsOf(tweetFile), tweetsAtOnce)) {
      const authorsHere = texts.map(() => authors[made++ % authors.length]!);
      const ids = await service.tbird.create(
        texts.map((text, i) => ({ userId: authorsHere[i]!, text })),
        { deadlineMs: 120_000 },
      );
      for (const [i, author] of authorsHere.entries())
        for (const reader of new Set([author, ...followersOf.get(author)!])) to(reader, ids[i]!);
    }
    await untilQuiet(service.gizzard, quietWithinMs);
    const seconds = (performance.now() - startedMs) / 1_000;
    let deliveries = 0;
    const wrong: string[] = [];
    const names = [...new Set([...readers, ...authors])];
    for (let from = 0; from < names.length; from += 500)
      await Promise.all(
        names.slice(from, from + 500).map(async (reader) => {
          const wanted = (expected.get(reader) ?? []).sort((a, b) => (a > b ? -1 : 1));
          deliveries += wanted.length;
          const page = await service.timelines.page(`home:${reader}`, { limit: limits.pageSize });
          if (page?.entries.map(keyOf).join() !== wanted.join())
            wrong.push(`${reader}: ${page?.entries.length} entries, not ${wanted.length}`);
        }),
      );
    console.log(
      `${made} tweets to ${names.length} timelines: ${deliveries} deliveries to each of 2 replicas in ${seconds.toFixed(1)} s`,
    );
    expect(wrong).toEqual([]);
  },
  1_800_000,
);

it.skipIf(!hasData)(
  'every timeline is the merge that it should be (skipped without the data)',
  async () => {
    const report = await checkTimelines(service);
    console.log(report.looked);
    expect(report).toMatchObject({ faults: 0, found: [] });
  },
  1_800_000,
);

async function textsOf(path: string): Promise<string[]> {
  const texts: string[] = [];
  const file = await TweetFile.open(path);
  for await (const row of file.rows({ user: 1n, skipBad: true, signal: new AbortController().signal }))
    if ('tweet' in row && texts.length < tweetCount) texts.push(row.tweet.tweet.text);
  return texts;
}
