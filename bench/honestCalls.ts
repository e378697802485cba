import { firstIdAt, limits, packIds, snowflakeTimeMs } from '../core/index.js';
import type { ServerReady } from '../cli/serverReady.js';
import { encodeTweets } from '../tbird/jobs/tweetPayload.js';
import { tweetsTableId, type TweetGraphs } from '../tbird/index.js';
import { ThriftClient, type Generated } from '../sdk/thriftClient.js';
import {
  ExecuteOperationType,
  JobInjectorClient,
  PriorityNumber,
  RoostFlockClient,
  SelectOperationType,
  TBirdClient,
  UsersClient,
} from '../wire/index.js';

/** The largest call that a service's clients may reasonably send. */
export interface HonestCall {
  readonly name: string;
  readonly port: keyof Pick<ServerReady, 'flock' | 'tbird' | 'users' | 'injector'>;
  readonly frame: Buffer;
}

function frameOf<C extends object>(Client: Generated<C>, call: (client: C) => Promise<unknown>): Buffer {
  let frame = Buffer.alloc(0);
  void call(new ThriftClient(Client, (message) => (frame = Buffer.from(message))).client);
  return frame;
}

const idsFrom = (first: number, count: number): BigInt64Array =>
  BigInt64Array.from({ length: count }, (_, i) => BigInt(first + i * 3));
const numbers = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

const lists = 40;
/** Four bytes of UTF-8 each. */
const character = '😀';

/** The largest calls of each service, on one graph. */
export function honestCalls(graphId: number, graphs: TweetGraphs): readonly HonestCall[] {
  const term = (sourceId: number, destinationIds?: BigInt64Array) => ({
    source_id: BigInt(sourceId),
    graph_id: graphId,
    is_forward: true,
    ...(destinationIds === undefined ? {} : { destination_ids: packIds(destinationIds) }),
  });
  const page = { count: 1_000, cursor: -1n };
  const text = character.repeat(limits.tweetCharacters);
  const extra = JSON.stringify({ x: 'y'.repeat(limits.tweetExtraBytes - 20) });
  const drafts = numbers(limits.tweetsPerCall, (i) => ({
    user_id: BigInt(i + 1),
    text: Buffer.from(text),
    extra: Buffer.from(extra),
  }));
  const edges = numbers(10_000, (i) => ({
    operation_type: ExecuteOperationType.Add,
    term: term(i, BigInt64Array.of(BigInt(i + 1))),
    position: BigInt(i),
  }));
  const edgeJob = {
    'flock.edges': {
      graph: graphId,
      edges: numbers(10_000, (i) => ({
        operation: 'add',
        source: String(1_000_000_000 + i),
        destination: String(i),
        position: String(i),
      })),
    },
  };
  const flockdbJob = {
    JsonNestedJob: {
      tasks: numbers(6_000, (i) => ({
        'com.twitter.flockdb.jobs.single.Single': {
          source_id: 1_000_000_000 + i,
          graph_id: graphId,
          destination_id: i,
          position: i,
          updated_at: 1_700_000_000,
          state: 0,
        },
      })),
    },
  };
  const firstId = firstIdAt(Date.now());
  const tweetsJob = {
    'tbird.tweets': {
      payload: encodeTweets(
        { tableId: tweetsTableId, windowMs: 86_400_000, graphs },
        numbers(500, (i) => ({
          content: {
            id: firstId + BigInt(i),
            userId: BigInt(i + 1),
            text,
            createdAtMs: snowflakeTimeMs(firstId),
            replyToTweetId: undefined,
            replyToUserId: undefined,
            retweetOfId: undefined,
            flags: 0,
            extra,
          },
          writtenAt: 1_700_000_000_000_000n,
        })),
        [],
      ).payload.toString('base64'),
    },
  };
  const inject = (...jobs: object[]): Buffer =>
    frameOf(JobInjectorClient, (client) =>
      client.inject_jobs(
        jobs.map((job) => ({ priority: PriorityNumber.Low, contents: Buffer.from(JSON.stringify(job)) })),
      ),
    );
  return [
    {
      name: `select2 of ${lists} lists of 10,000 ids`,
      port: 'flock',
      frame: frameOf(RoostFlockClient, (client) =>
        client.select2(
          numbers(lists, (i) => ({
            operations: [
              { operation_type: SelectOperationType.SimpleQuery, term: term(i + 1, idsFrom(i, limits.idsPerCall)) },
            ],
            page,
          })),
        ),
      ),
    },
    {
      name: 'execute of 10,000 operations',
      port: 'flock',
      frame: frameOf(RoostFlockClient, (client) =>
        client.execute({ operations: edges, priority: PriorityNumber.Medium }),
      ),
    },
    {
      name: 'execute of 10 lists of 10,000 ids',
      port: 'flock',
      frame: frameOf(RoostFlockClient, (client) =>
        client.execute({
          operations: numbers(10, (i) => ({
            operation_type: ExecuteOperationType.Add,
            term: term(i + 1, idsFrom(i, limits.idsPerCall)),
            position: 5n,
          })),
          priority: PriorityNumber.Medium,
        }),
      ),
    },
    {
      name: 'create_tweets of 1,000 full tweets',
      port: 'tbird',
      frame: frameOf(TBirdClient, (client) => client.create_tweets(drafts, {})),
    },
    {
      name: 'select_edges of 15 pages of 10,000 edges',
      port: 'flock',
      frame: frameOf(RoostFlockClient, (client) =>
        client.select_edges(numbers(15, (i) => ({ term: term((i % 10) + 1), page: { count: 10_000, cursor: -1n } }))),
      ),
    },
    {
      name: 'newest_edges of 30 lists of 10,000 edges',
      port: 'flock',
      frame: frameOf(RoostFlockClient, (client) =>
        client.newest_edges(
          {
            graph_id: graphId,
            is_forward: true,
            state_ids: [],
            ids: packIds(numbers(30, (i) => BigInt((i % 10) + 1))),
            count: 10_000,
          },
          {},
        ),
      ),
    },
    {
      name: 'edges of 10,000 pairs',
      port: 'flock',
      frame: frameOf(RoostFlockClient, (client) =>
        client.edges(graphId, packIds(numbers(10_000, () => 1n)), packIds(idsFrom(0, 10_000)), {}),
      ),
    },
    {
      name: 'an intersection of 10,000 edges with 10,000',
      port: 'flock',
      frame: frameOf(RoostFlockClient, (client) =>
        client.select_pages(
          numbers(10, (i) => ({
            operations: [
              { operation_type: SelectOperationType.SimpleQuery, term: term(i + 1) },
              { operation_type: SelectOperationType.SimpleQuery, term: term(((i + 3) % 10) + 1) },
              { operation_type: SelectOperationType.Intersection },
            ],
            page: { count: 10_000, cursor: -1n },
          })),
          {},
        ),
      ),
    },
    {
      name: 'put_users of 10,000 users',
      port: 'users',
      frame: frameOf(UsersClient, (client) =>
        client.put_users(
          numbers(10_000, (i) => ({
            id: BigInt(i + 1),
            name: Buffer.from('n'.repeat(50)),
            screen_name: Buffer.from(`user${i}`),
            flags: 0n,
          })),
          {},
        ),
      ),
    },
    {
      name: 'get_users of 10,000 users',
      port: 'users',
      frame: frameOf(UsersClient, (client) => client.get_users(packIds(idsFrom(1, 10_000)), {})),
    },
    { name: 'a job of 10,000 edges in JSON', port: 'injector', frame: inject(edgeJob) },
    { name: "a job of FlockDB's, of 6,000 edges", port: 'injector', frame: inject(flockdbJob) },
    { name: 'a job of 500 full tweets', port: 'injector', frame: inject(tweetsJob) },
    { name: 'eight jobs of 10,000 edges in JSON', port: 'injector', frame: inject(...numbers(8, () => edgeJob)) },
  ];
}
