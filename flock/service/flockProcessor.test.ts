import { createRequire } from 'node:module';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { limits, packIds, unpackIds } from '../../core/index.js';
import { startTestServer, type TestServer } from '../../test/inMemory/testServer.js';
import {
  ExecuteOperationType,
  PriorityNumber,
  RoostFlockClient,
  SelectOperationType,
  type FlockDBTypes,
  type RoostFlockModule,
  type RoostTypes,
} from '../../wire/index.js';

// The Thrift library's own client, which shares no code with ours below the generated structs. It reads 64-bit integers as
// objects with the 8 bytes in `buffer`, and takes such objects.
interface LibraryConnection {
  end(): void;
  on(event: 'close', listener: () => void): void;
}
const { createConnection, createClient, TFramedTransport, TBinaryProtocol } = createRequire(import.meta.url)(
  'thrift',
) as {
  createConnection: (host: string, port: number, options: object) => LibraryConnection;
  createClient: <C>(client: new (...args: never[]) => C, connection: LibraryConnection) => C;
  TFramedTransport: unknown;
  TBinaryProtocol: unknown;
};

const int64 = (value: bigint): bigint => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return { buffer } as unknown as bigint;
};
const toBigint = (value: bigint): bigint => (value as unknown as { buffer: Buffer }).buffer.readBigInt64BE(0);

let server: TestServer;
let connection: LibraryConnection;
let client: RoostFlockModule.Client;

beforeAll(async () => {
  server = await startTestServer();
  connection = createConnection('127.0.0.1', server.port, { transport: TFramedTransport, protocol: TBinaryProtocol });
  client = createClient(RoostFlockClient, connection);
  await client.write_edges(
    {
      graph_id: 1,
      operations: Buffer.of(1),
      source_ids: packIds([1n, 1n, 9n]),
      destination_ids: packIds([2n, 3n, 3n]),
      positions: packIds([5n, 6n, 7n]),
    },
    {},
  );
});

beforeEach(() => {
  server.flock.calls.length = 0;
});

afterAll(async () => {
  const closed = new Promise<void>((resolve) => connection.on('close', resolve));
  connection.end();
  await closed;
  await server.close();
});

const term = (source: bigint, forward: boolean): FlockDBTypes.QueryTerm => ({
  source_id: int64(source),
  graph_id: 1,
  is_forward: forward,
});
const simple = (source: bigint, forward: boolean): FlockDBTypes.SelectOperation => ({
  operation_type: SelectOperationType.SimpleQuery,
  term: term(source, forward),
});
const page = (count: number): FlockDBTypes.Page => ({ count, cursor: int64(-1n) });

it("answers Roost's own methods with the written edges", async () => {
  expect((await client.list_graphs()).map(({ id, name }) => ({ id, name }))).toEqual([
    { id: 1, name: 'follows' },
    { id: 2, name: 'blocks' },
  ]);
  expect(await client.edge_states(1, packIds([1n, 1n]), packIds([2n, 4n]), {})).toEqual(Buffer.of(1, 0));
  const { states, positions } = await client.edges(1, packIds([1n]), packIds([3n]), {});
  expect([states, unpackIds(positions)]).toEqual([Buffer.of(1), BigInt64Array.of(6n)]);
  expect(unpackIds(await client.counts(1, false, packIds([3n]), {}))).toEqual(BigInt64Array.of(2n, 0n, 0n, 0n));
  expect(toBigint(await client.count_query([simple(1n, true)], {}))).toBe(2n);
  const query = { operations: [simple(3n, false)], page: page(1) };
  const first = await client.select_page(query, { deadline_ms: 1234 });
  expect([unpackIds(first.ids), toBigint(first.next_cursor), toBigint(first.prev_cursor)]).toEqual([
    BigInt64Array.of(9n),
    7n,
    0n,
  ]);
  expect(server.flock.lastOptions).toMatchObject({ deadlineMs: 1234 });
  expect(await client.select_pages([query, query], {})).toEqual([first, first]);
  const edges = await client.select_edge_page({ term: term(3n, false), page: page(10) }, {});
  expect([unpackIds(edges.source_ids), unpackIds(edges.destination_ids)]).toEqual([
    BigInt64Array.of(9n, 1n),
    BigInt64Array.of(3n, 3n),
  ]);
  const newest = { graph_id: 1, is_forward: false, ids: packIds([3n, 5n]), count: 1 };
  const lists = await client.newest_edges(newest as never, {});
  expect([unpackIds(lists.lengths), unpackIds(lists.other_ids), lists.columns.states]).toEqual([
    BigInt64Array.of(1n, 0n),
    BigInt64Array.of(9n),
    Buffer.of(1),
  ]);
  expect(
    (await client.locate(1, int64(5n))).map((location) => [
      location.is_forward,
      location.table_id,
      toBigint(location.hash),
      location.leaves.length,
    ]),
  ).toEqual([
    [true, 1, 5n, 1],
    [false, -1, 5n, 1],
  ]);
  expect(toBigint((await client.journal_status()).bad)).toBe(5n);
});

describe('bad input to our own methods is refused with InvalidArgument', () => {
  const ids = packIds([1n]);
  const writes = { graph_id: 1, operations: Buffer.of(1), source_ids: ids, destination_ids: ids };
  const tooMany = Array.from({ length: limits.queriesPerCall + 1 }, () => ({
    operations: [simple(1n, true)],
    page: page(1),
  }));
  const tooLarge = Array.from({ length: limits.queriesPerCall }, () => ({
    operations: [simple(1n, true)],
    page: page(limits.pageSize),
  }));

  it.each<[string, () => Promise<unknown>]>([
    ['columns of different lengths', () => client.edge_states(1, ids, packIds([1n, 2n]), {})],
    ['half an id', () => client.counts(1, true, Buffer.alloc(4), {})],
    ['no writes', () => client.write_edges(null as never, {})],
    ['a deadline of nothing', () => client.write_edges(writes, { deadline_ms: 0 })],
    ['a deadline of a month', () => client.edges(1, ids, ids, { deadline_ms: 2_000_000_000 })],
    ['a priority that does not exist', () => client.write_edges(writes, { priority: 7 as FlockDBTypes.Priority })],
    [
      'an acknowledgment that does not exist',
      () => client.write_edges(writes, { acknowledgment: 7 as RoostTypes.Acknowledgment }),
    ],
    ['an id that is negative', () => client.write_edges({ ...writes, source_ids: packIds([-1n]) }, {})],
    [
      'a page without a count',
      () => client.select_page({ operations: [simple(1n, true)], page: { cursor: int64(-1n) } as never }, {}),
    ],
    [
      'a page that is too large',
      () => client.select_page({ operations: [simple(1n, true)], page: page(limits.pageSize + 1) }, {}),
    ],
    ['too many queries', () => client.select_pages(tooMany, {})],
    ['an answer that would be too large', () => client.select_pages(tooLarge, {})],
  ])('%s', async (_name, call) => {
    await expect(call()).rejects.toMatchObject({ name: 'RoostException', code: 'InvalidArgument', retryable: false });
    expect(unpackIds(await client.counts(1, true, packIds([1n]), {}))).toEqual(BigInt64Array.of(2n, 0n, 0n, 0n));
  });

  it('and an unknown graph with NotFound', async () => {
    await expect(client.counts(77, true, ids, {})).rejects.toMatchObject({ code: 'NotFound', fields: { graph: '77' } });
  });
});

it('writes nothing when one graph of an execute does not exist', async () => {
  const add = (graph: number): FlockDBTypes.ExecuteOperation => ({
    operation_type: ExecuteOperationType.Add,
    term: { source_id: int64(50n), graph_id: graph, is_forward: true, destination_ids: packIds([51n]) },
  });
  // A write that may have waited for long is refused before its graphs are read, as after the tests above on a slow machine.
  await expect
    .poll(() =>
      client
        .execute({ operations: [add(1), add(2), add(3)], priority: PriorityNumber.High })
        .catch((error: unknown) => error),
    )
    .toMatchObject({ name: 'FlockException', description: 'there is no graph 3' });
  const there = async (graph: number): Promise<Buffer> => client.edge_states(graph, packIds([50n]), packIds([51n]), {});
  expect([await there(1), await there(2)]).toEqual([Buffer.of(0), Buffer.of(0)]);
  server.flock.calls.length = 0;
  await client.execute({ operations: [add(1), add(2)], priority: PriorityNumber.Medium });
  // Both edges are looked for first, since they come without a position.
  expect(server.flock.calls).toEqual(['edges', 'edges', 'execute']);
  expect(server.flock.lastOptions).toMatchObject({ priority: 'medium' });
});

it('returns an empty page to FlockDB clients that page past the end', async () => {
  const [past] = await client.select2([{ operations: [simple(1n, true)], page: { count: 5, cursor: int64(0n) } }]);
  expect([past!.ids.length, toBigint(past!.next_cursor), toBigint(past!.prev_cursor), past!.partial]).toEqual([
    0,
    0n,
    0n,
    null,
  ]);
  expect(
    (await client.select_edges([{ term: term(1n, true), page: { count: 5, cursor: int64(0n) } }]))[0]!.edges,
  ).toEqual([]);
});

it("answers FlockDB's queries with FlockException where they are too many, and with smaller pages where those would be too large", async () => {
  const flockException = expect.objectContaining({ name: 'FlockException' }) as Error;
  await expect(
    client.select2(
      Array.from({ length: limits.queriesPerCall + 1 }, () => ({ operations: [simple(1n, true)], page: page(1) })),
    ),
  ).rejects.toEqual(flockException);
  expect(
    await client.select_edges(Array.from({ length: 100 }, () => ({ term: term(1n, true), page: page(2 ** 31 - 1) }))),
  ).toHaveLength(100);
  await expect(client.select2([{ operations: [simple(1n, true)], page: null as never }])).rejects.toMatchObject({
    description: 'page is missing',
  });
});
