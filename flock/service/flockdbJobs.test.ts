import { describe, expect, it } from 'vitest';
import { flockdbJobs, writesOf } from './flockdbJobs.js';

const attributes = { source_id: 22, graph_id: 1, destination_id: 11, position: 1111, updated_at: 1111 };
const retried = { error_count: 2, error_message: 'a database timed out', wasReplicated: false };
const multiple = { source_id: 22, graph_id: 1, direction: 1, updated_at: 1111, priority: 1 };
const parse = (name: string, body: object) => flockdbJobs(JSON.stringify({ [name]: body }));
const start = 1_111_000_000n;
const end = 1_111_999_999n;

it.each([
  [0, 'add', start],
  [1, 'remove', end],
  [2, 'archive', end],
  [3, 'negate', end],
])('reads a write of an edge: state %i', (state, operation, time) => {
  expect(
    parse('com.twitter.flockdb.jobs.single.Single', {
      ...attributes,
      ...retried,
      state,
      write_successes: [['db1', 'forward_1']],
    }),
  ).toEqual({
    edges: [{ graphId: 1, operation, sourceId: 22n, destinationId: 11n, position: 1111n, time }],
    nodes: [],
    replicated: false,
  });
});

it.each([
  ['com.twitter.flockdb.jobs.single.Add', 'add'],
  ['com.twitter.flockdb.jobs.single.Remove', 'remove'],
  ['com.twitter.flockdb.jobs.single.Negate', 'negate'],
  ['com.twitter.service.flock.edges.jobs.single.Archive', 'archive'],
])('reads the classes of before: %s', (name, operation) => {
  expect(parse(name, attributes)!.edges).toMatchObject([{ operation }]);
});

it.each([
  ['com.twitter.flockdb.jobs.multi.Multi', { state: 3, cursor: -1 }, 'negate', end],
  ['com.twitter.flockdb.jobs.multi.Archive', {}, 'archive', end],
  ['com.twitter.flockdb.jobs.multi.Unarchive', {}, 'add', start],
  ['com.twitter.flockdb.jobs.multi.RemoveAll', {}, 'remove', end],
  ['com.twitter.flockdb.jobs.multi.Negate', {}, 'negate', end],
])('reads a mass operation: %s', (name, more, operation, time) => {
  expect(parse(name, { ...multiple, ...more })!.nodes).toEqual([
    { graphId: 1, id: 22n, direction: 'backward', operation, time },
  ]);
});

it('reads lists of them, and whether another cluster made them', () => {
  const tasks = [
    { 'com.twitter.flockdb.jobs.single.Add': attributes },
    {
      'com.twitter.gizzard.scheduler.JsonNestedJob': {
        tasks: [{ 'com.twitter.flockdb.jobs.multi.Archive': multiple }],
      },
    },
  ];
  const jobs = parse('com.twitter.gizzard.scheduler.JsonNestedJob', { tasks, ...retried })!;
  expect([jobs.edges.length, jobs.nodes.length, jobs.replicated]).toEqual([1, 1, false]);
  expect(parse('com.twitter.gizzard.scheduler.ReplicatedJob', { tasks })!.replicated).toBe(true);
  const { batch, unplaced } = writesOf([jobs, jobs]);
  expect(batch).toMatchObject([
    { edges: { graphId: 1, sourceIds: BigInt64Array.of(22n, 22n) } },
    { node: { id: 22n } },
    { node: { id: 22n } },
  ]);
  expect(unplaced).toMatchObject([{ places: [0, 1] }]);
});

it('reads integers of 64 bits as they are, and no texts', () => {
  const id = 2n ** 62n + 1n;
  const text = `{"com.twitter.flockdb.jobs.single.Add": {"source_id": ${id}, "graph_id": 1, "destination_id": 7, "position": -${id}, "updated_at": 5, "error_message": "after 1234567890123456789 \\"tries\\""}}`;
  expect(flockdbJobs(text)!.edges).toMatchObject([{ sourceId: id, position: -id }]);
});

it('leaves jobs of other names to others', () => {
  expect(flockdbJobs('{"flock.edges": {"graph": 1, "edges": []}}')).toBeUndefined();
  expect(flockdbJobs('not JSON')).toBeUndefined();
});

describe('refuses', () => {
  const name = 'com.twitter.flockdb.jobs.single.Single';
  const nestedTimes = (times: number): object =>
    times === 0 ? { 'x.single.Add': attributes } : { 'x.JsonNestedJob': { tasks: [nestedTimes(times - 1)] } };
  it.each<[string, string, RegExp]>([
    ['a state that does not exist', JSON.stringify({ [name]: { ...attributes, state: 4 } }), /state is 0/],
    ['no graph', JSON.stringify({ [name]: { ...attributes, state: 0, graph_id: undefined } }), /graph_id/],
    ['a negative id', JSON.stringify({ [name]: { ...attributes, state: 0, source_id: -1 } }), /source_id/],
    ['no position', JSON.stringify({ [name]: { ...attributes, state: 0, position: null } }), /position/],
    ['no direction', JSON.stringify({ 'x.multi.Archive': { ...multiple, direction: 2 } }), /direction/],
    ['two keys', JSON.stringify({ [name]: { ...attributes, state: 0 }, other: 1 }), /one key/],
    ['broken JSON', `{"${name}": {`, /one key/],
    ['a copy', JSON.stringify({ 'x.JsonNestedJob': { tasks: [{ 'com.twitter.flockdb.jobs.Copy': {} }] } }), /no class/],
    ['tasks that are none', JSON.stringify({ 'x.JsonNestedJob': { tasks: {} } }), /a list/],
    ['tasks without end', JSON.stringify(nestedTimes(9)), /8 levels/],
    [
      'too many',
      JSON.stringify({
        'x.JsonNestedJob': { tasks: Array.from({ length: 10_001 }, () => ({ 'x.single.Add': attributes })) },
      }),
      /at most 10000/,
    ],
  ])('%s', (_, text, message) => {
    expect(() => flockdbJobs(text)).toThrow(
      expect.objectContaining({ code: 'InvalidArgument', message: expect.stringMatching(message) as string }) as Error,
    );
  });
});
