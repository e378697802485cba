import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import * as openTelemetry from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { createConnection, type Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { openCluster, serveCluster, type Cluster, type ServedCluster } from '../cluster/index.js';
import { flockStore } from '../flock/index.js';
import { createLog } from '../process/index.js';
import { connect, type Graph, type Roost } from '../sdk/index.js';
import { freshCluster } from './support/index.js';

const { config } = freshCluster('traces');
const materialized = { acknowledgment: 'materialized' } as const;
const exporter = new InMemorySpanExporter();
const application = (): openTelemetry.Tracer => openTelemetry.trace.getTracer('application');
const lines: Record<string, unknown>[] = [];
let cluster: Cluster<readonly [typeof flockStore]>;
let served: ServedCluster;
let roost: Roost;
let follows: Graph;
let database: Connection;

beforeAll(async () => {
  openTelemetry.trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
  openTelemetry.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const log = createLog(
    'debug',
    new Writable({
      write(line: Buffer, _encoding, done) {
        lines.push(JSON.parse(line.toString()) as Record<string, unknown>);
        done();
      },
    }),
  );
  cluster = await openCluster(config, [flockStore], { work: true, create: true, log, openTelemetry });
  served = await serveCluster(cluster, { version: 'test' });
  await cluster.stores.flock.createGraph('follows', { shards: 1, replicas: 2 });
  roost = await connect({ servers: [`127.0.0.1:${served.stores['flock']!.port}`], openTelemetry });
  follows = await roost.graph('follows');
  const [host] = Object.values(config.databaseHosts);
  const { socketPath, ...rest } = host!;
  database = await createConnection(
    socketPath === undefined ? rest : { user: host!.user, password: host!.password, socketPath },
  );
});

afterEach(() => exporter.reset());

afterAll(async () => {
  await database?.end();
  await roost?.close();
  await served?.close();
  await cluster?.close();
  openTelemetry.trace.disable();
  openTelemetry.context.disable();
});

/** Runs work under a span of the application, and returns its trace once every span that began has ended. */
async function traceOf(work: () => Promise<unknown>): Promise<Tree> {
  const traceId = await application().startActiveSpan('application', async (span) => {
    await work();
    span.end();
    return span.spanContext().traceId;
  });
  const spans = (): ReadableSpan[] =>
    exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
  const rooted = (): boolean => {
    const ids = new Set(spans().map((span) => span.spanContext().spanId));
    return spans().every(
      ({ parentSpanContext }) => parentSpanContext === undefined || ids.has(parentSpanContext.spanId),
    );
  };
  while (!rooted()) await sleep(10);
  return treeOf(
    spans(),
    spans().find((span) => span.parentSpanContext === undefined)!,
  );
}

interface Tree {
  readonly span: ReadableSpan;
  readonly children: readonly Tree[];
}

const treeOf = (spans: readonly ReadableSpan[], span: ReadableSpan): Tree => ({
  span,
  children: spans
    .filter((each) => each.parentSpanContext?.spanId === span.spanContext().spanId)
    .map((each) => treeOf(spans, each)),
});

/** The children of a tree by their names; names that occur several times count once. */
function shapeOf({ children }: Tree): Shape {
  return Object.fromEntries(children.map((child) => [child.span.name, shapeOf(child)]));
}
interface Shape {
  readonly [name: string]: Shape;
}

const toLeaves = ['roost/write_edges', 'roost/write_edges', 'journal append', 'job flock.edges', 'leaf write'];

const below = (tree: Tree, ...[name, ...others]: string[]): Tree[] => {
  const found = tree.children.filter((child) => child.span.name === name);
  return others.length === 0 ? found : found.flatMap((child) => below(child, ...others));
};

it('a write is one trace from the client to the statements on every leaf', async () => {
  await roost.journal();
  const trace = await traceOf(() => follows.add(1, 2, materialized));
  const writes = below(trace, ...toLeaves);
  for (const write of writes)
    expect(Object.keys(shapeOf(write))).toEqual(expect.arrayContaining(['sql START', 'sql INSERT', 'sql COMMIT']));
  // Forward and backward, on two hosts each.
  expect(new Set(writes.map(({ span }) => span.attributes['roost.shard'])).size).toBe(4);
  expect(new Set(writes.map(({ span }) => span.attributes['server.address']))).toEqual(
    new Set(Object.keys(config.databaseHosts)),
  );
  const kinds = [
    trace,
    ...below(trace, 'roost/write_edges'),
    ...below(trace, 'roost/write_edges', 'roost/write_edges'),
  ];
  expect(kinds.map(({ span }) => openTelemetry.SpanKind[span.kind])).toEqual(['INTERNAL', 'CLIENT', 'SERVER']);
});

it('a read is one trace from the client to one leaf', async () => {
  const trace = await traceOf(() => follows.from(1).page({ count: 10 }));
  expect(shapeOf(trace)).toEqual({
    'roost/select_pages': { 'roost/select_pages': { 'leaf read': { 'sql SELECT': {} } } },
  });
});

it('the spans of a refused call have its error, in the client and in the server', async () => {
  const trace = await traceOf(() => follows.add(1, 2, { at: 2n ** 62n }).catch(() => undefined));
  const [call] = trace.children;
  const [served] = call!.children;
  for (const { span } of [call!, served!])
    expect([span.attributes['error.type'], span.status]).toEqual([
      'InvalidArgument',
      { code: openTelemetry.SpanStatusCode.ERROR, message: expect.stringMatching(/time/) as string },
    ]);
});

/** The tables of edges on the first host, as `database`.`table`. */
async function edgeTables(): Promise<string[]> {
  const [rows] = await database.query({
    sql: "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema LIKE ? AND table_name LIKE '%edges'",
    values: [`${config.cluster}%`],
    rowsAsArray: true,
  });
  return (rows as string[][]).map(([schema, table]) => `\`${schema}\`.\`${table}\``);
}

it('statements name their span in a comment', async () => {
  await database.query(`LOCK TABLES ${(await edgeTables()).map((table) => `${table} WRITE`).join()}`);
  let seen: string[] = [];
  const trace = await traceOf(async () => {
    const written = follows.add(3, 4, materialized);
    while (seen.length === 0) {
      const [rows] = await database.query({
        sql: "SELECT info FROM information_schema.processlist WHERE info LIKE '%/*traceparent=%' AND info NOT LIKE '%processlist%'",
        rowsAsArray: true,
      });
      seen = (rows as string[][]).map(([info]) => info!);
    }
    await database.query('UNLOCK TABLES');
    await written;
  });
  const { traceId } = trace.span.spanContext();
  const statements = below(trace, ...toLeaves).flatMap(({ children }) =>
    children.map(({ span }) => span.spanContext()),
  );
  const comments = statements.map(({ spanId }) => `/*traceparent='00-${traceId}-${spanId}-01'*/`);
  expect(seen.filter((text) => comments.some((comment) => text.endsWith(comment)))).toEqual(seen);
});

it('a job keeps its trace until it is applied, and the log names it', async () => {
  const [table] = await edgeTables();
  lines.length = 0;
  const trace = await traceOf(async () => {
    await database.query(`RENAME TABLE ${table} TO ${table!.replace(/`$/, '_away`')}`);
    await follows.add(5, 6);
    const failed = (): boolean => lines.some(({ msg }) => msg === 'a job failed on a shard');
    while (!failed()) await sleep(20);
    await database.query(`RENAME TABLE ${table!.replace(/`$/, '_away`')} TO ${table}`);
    await cluster.gizzard.jobs.queues.retry('high', 'failing');
    while ((await roost.journal()).failing > 0) await sleep(20);
  });
  const attempts = below(trace, ...toLeaves.slice(0, -1));
  expect(attempts.length).toBeGreaterThan(1);
  const failed = attempts.filter(({ span }) => span.status.code === openTelemetry.SpanStatusCode.ERROR);
  expect(failed.length).toBeGreaterThanOrEqual(1);
  expect(failed.length).toBeLessThan(attempts.length);
  const ids = new Set(attempts.map(({ span }) => span.spanContext().traceId));
  expect(lines.filter(({ msg }) => msg === 'a job failed on a shard').map((line) => line['trace_id'])).toContain(
    [...ids][0],
  );
});

it('calls of traces that are not sampled leave nothing on the way', async () => {
  const unsampled = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: openTelemetry.TraceFlags.NONE };
  const context = openTelemetry.trace.setSpanContext(openTelemetry.ROOT_CONTEXT, unsampled);
  await openTelemetry.context.with(context, () => follows.add(7, 8, materialized));
  const traces = exporter.getFinishedSpans().map((span) => span.spanContext().traceId);
  expect(traces).not.toContain(unsampled.traceId);
});
