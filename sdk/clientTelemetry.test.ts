import * as openTelemetry from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RoostError } from '../core/index.js';
import { TestFlock } from '../test/inMemory/testFlock.js';
import { startTestServer, type TestServer } from '../test/inMemory/testServer.js';
import { connect, type Graph, type Roost } from './index.js';

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const spans = new InMemorySpanExporter();
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
const meters = new MeterProvider({ readers: [reader] });
const flock = new TestFlock();
let server: TestServer;
let roost: Roost;
let follows: Graph;

beforeAll(async () => {
  openTelemetry.metrics.setGlobalMeterProvider(meters);
  openTelemetry.trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
  );
  server = await startTestServer({ flock });
  roost = await connect({ servers: [server.address], openTelemetry });
  follows = await roost.graph('follows');
});

afterAll(async () => {
  await roost?.close();
  await server?.close(0);
  openTelemetry.metrics.disable();
  openTelemetry.trace.disable();
  await meters.shutdown();
});

/** The values of a metric of a method, by code; of a histogram the numbers of calls. */
async function valuesOf(name: string, method: string): Promise<Record<string, number>> {
  exporter.reset();
  await meters.forceFlush();
  const found = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics)
    .filter(({ scope }) => scope.name === 'roostdb')
    .flatMap(({ metrics }) => metrics)
    .find(({ descriptor }) => descriptor.name === name);
  return Object.fromEntries(
    (found?.dataPoints ?? [])
      .filter(({ attributes }) => attributes['rpc.method'] === method)
      .map(({ attributes, value }) => [
        String(attributes['code'] ?? ''),
        typeof value === 'number' ? value : value.count,
      ]),
  );
}

it('counts calls, retries and durations by method', async () => {
  await follows.contains(1, 2);
  let failures = 2;
  flock.before = () => {
    if (failures-- > 0) throw new RoostError('Unavailable', 'not now');
  };
  await follows.contains(1, 2);
  flock.before = () => {
    throw new RoostError('InvalidArgument', 'never');
  };
  await expect(follows.contains(1, 2)).rejects.toThrow('never');
  flock.before = () => undefined;
  expect(await valuesOf('roost.client.calls', 'edge_states')).toEqual({ OK: 2, InvalidArgument: 1 });
  expect(await valuesOf('roost.client.retries', 'edge_states')).toEqual({ Unavailable: 2 });
  expect(await valuesOf('roost.client.duration', 'edge_states')).toEqual({ '': 3 });
  const calls = spans.getFinishedSpans().filter(({ name }) => name === 'roost/edge_states');
  expect(calls.map(({ events, status }) => [events.map(({ name }) => name), status.code])).toEqual([
    [[], openTelemetry.SpanStatusCode.UNSET],
    [['retry', 'retry'], openTelemetry.SpanStatusCode.UNSET],
    [[], openTelemetry.SpanStatusCode.ERROR],
  ]);
});

it('fails no call with a sampler or an exporter that throws', async () => {
  const fails = (): never => {
    throw new Error('no telemetry today');
  };
  const told: unknown[] = [];
  const diag = { error: (_message: string, error: unknown) => void told.push(error) };
  const ends = openTelemetry.trace.getTracer('test').startSpan('test');
  const badEnd = Object.assign(Object.create(ends) as openTelemetry.Span, { end: fails });
  for (const startSpan of [fails, () => badEnd]) {
    const trace = { getTracer: () => ({ startSpan }), setSpanContext: fails };
    const other = await connect({ servers: [server.address], openTelemetry: { ...openTelemetry, trace, diag } });
    const graph = await other.graph('follows');
    told.length = 0;
    expect(await graph.contains(1, 2)).toBe(await follows.contains(1, 2));
    expect(told[0]).toEqual(new Error('no telemetry today'));
    await other.close();
  }
});

it('counts calls that reach no server', async () => {
  await server.close(0);
  // The first may still go to a connection that is about to break.
  const unsent = async (): Promise<number> => {
    await expect(roost.journal({ deadlineMs: 200 })).rejects.toThrow();
    return Object.values(await valuesOf('roost.client.calls', 'unsent')).reduce((sum, count) => sum + count, 0);
  };
  await expect.poll(unsent).toBeGreaterThan(0);
});
