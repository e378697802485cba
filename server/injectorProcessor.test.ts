import { afterAll, beforeAll, expect, it } from 'vitest';
import { openCluster } from '../cluster/index.js';
import { Cancellation, systemMicros } from '../core/index.js';
import { injectedFlockdb } from '../flock/index.js';
import { type Tbird, tbirdStore } from '../tbird/index.js';
import { freshCluster } from '../test/support/index.js';
import { usersStore } from '../users/index.js';
import { injectorHandler } from './injectorProcessor.js';

const { config } = freshCluster('injector');
let tbird: Tbird;
let graph = 0;

beforeAll(async () => {
  tbird = (await openCluster(config, [tbirdStore, usersStore], { create: true })).stores.tbird;
  graph = (await tbird.flock.createGraph('follows', { shards: 1, replicas: 1 })).id;
});
afterAll(() => tbird.close());

const inject = (job: unknown): Promise<void> => {
  const handler = injectorHandler(tbird.gizzard, [injectedFlockdb(tbird.flock)], {
    closed: new Cancellation(),
    waitedMs: () => 0,
  }) as unknown as {
    inject_jobs(jobs: unknown): Promise<void>;
  };
  return handler.inject_jobs([{ priority: 1, contents: Buffer.from(JSON.stringify(job)), is_replicated: true }]);
};

const i32 = (value: number): Buffer => Buffer.from(Int32Array.of(value).buffer);
const i64 = (value: bigint): Buffer => Buffer.from(BigInt64Array.of(value).buffer);
const exact = (kind: string, ...parts: Buffer[]): object => ({
  [kind]: { payload: Buffer.concat(parts).toString('base64') },
});
const now = (): bigint => systemMicros();
/** Edges 1 → 2 of one time, as they lie in the journal. */
const edges = (count: number, time: bigint): object =>
  exact(
    'flock.edges',
    Buffer.of(1, 0),
    i32(graph),
    i32(count),
    i64(time),
    Buffer.of(0),
    Buffer.from(new BigInt64Array(count).fill(1n).buffer),
    Buffer.from(new BigInt64Array(count).fill(2n).buffer),
  );
const node = (rank: number, time: bigint): object =>
  exact('flock.node', Buffer.of(1), i32(graph), i64(1n), Buffer.of(rank), i64(time));
const row = (time: bigint, tableId = graph, state = 0): object =>
  exact(
    'flock.rows',
    Buffer.of(1),
    i32(tableId),
    i64(1n),
    i64(2n),
    Buffer.of(state),
    i64(time),
    i64(0n),
    i64(-1n),
    Buffer.of(0),
    i64(0n),
    i64(-1n),
  );
const sweep = (id: bigint): object => exact('flock.sweep', Buffer.of(1), i32(graph), i64(id), i64(-1n));
const endOfTime = 2n ** 63n - 1n;

it('accepts the jobs that the services accept', async () => {
  for (const job of [edges(10_000, now()), edges(1, 0n), node(3, now()), row(now()), sweep(1n)]) await inject(job);
  await inject({ 'flock.edges': { graph, edges: [{ source: 1, destination: 2, time: String(now()) }] } });
});

const bad: readonly [what: string, job: () => object, message: RegExp][] = [
  ['an edge that would be frozen for good', () => edges(1, endOfTime - 10n), /to a day from now/],
  [
    'the same for people',
    () => ({ 'flock.edges': { graph, edges: [{ source: 1, destination: 2, time: String(endOfTime) }] } }),
    /to a day from now/,
  ],
  ['an edge of before 1970', () => edges(1, -5n), /from 1970/],
  ['20,000 edges', () => edges(20_000, now()), /1 to 10000 operations, not 20000/],
  ['no edge', () => edges(0, now()), /1 to 10000 operations/],
  ['a mass operation that is frozen', () => node(1, endOfTime), /to a day from now/],
  ['a mass operation of no state', () => node(9, now()), /no state 9/],
  ['a row of the future', () => row(endOfTime), /to a day from now/],
  ['a row of no state', () => row(now(), graph, 77), /no state 77/],
  ['a sweep of no node', () => sweep(-4n), /ids are from 0/],
  ['a payload that is not base64', () => ({ 'flock.sweep': { payload: '*'.repeat(28) } }), /payload/],
];
it.each(bad)('refuses %s', async (_what, job, message) => {
  await expect(inject(job())).rejects.toMatchObject({
    code: 'InvalidArgument',
    message: expect.stringMatching(message) as unknown,
  });
});

it('refuses edges for a table that is no graph', async () => {
  await expect(inject(row(now(), graph + 1))).rejects.toMatchObject({ code: 'NotFound' });
});
