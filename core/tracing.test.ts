import * as openTelemetry from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  ParentBasedSampler,
  AlwaysOffSampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Deadline, loggedTrace, RoostError, Trace, Tracing, type OpenTelemetry } from './index.js';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
const exporter = new InMemorySpanExporter();
const api: OpenTelemetry = openTelemetry;

beforeEach(() => {
  openTelemetry.trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
});
afterEach(() => {
  openTelemetry.trace.disable();
  exporter.reset();
});

it('continues sampled traces, and nothing else', () => {
  const tracing = new Tracing(api);
  expect(tracing.continue(traceparent)?.traceparent).toBe(traceparent);
  for (const other of [
    undefined,
    null,
    '',
    traceparent.replace(/01$/, '00'),
    traceparent.replace(traceId, '0'.repeat(32)),
    traceparent.replace('00f067aa0ba902b7', '0'.repeat(16)),
    traceparent.toUpperCase(),
    `${traceparent}'*/ DROP TABLE edges`,
    `${traceparent}\n`,
    `01${traceparent.slice(2)}`,
  ])
    expect(tracing.continue(other), String(other)).toBeUndefined();
});

it('a span has the place that was handed over as its parent, and the error of its work', async () => {
  const failed = new Tracing(api)
    .continue(traceparent)!
    .inSpan('work', 'internal', { a: 1 }, () => Promise.reject(new RoostError('Conflict', 'two of them')));
  await expect(failed).rejects.toThrow('two of them');
  const [span] = exporter.getFinishedSpans();
  expect(span).toMatchObject({
    parentSpanContext: { traceId, spanId: '00f067aa0ba902b7', isRemote: true },
    attributes: { a: 1, 'error.type': 'Conflict' },
    status: { code: openTelemetry.SpanStatusCode.ERROR, message: 'two of them' },
  });
});

it('work that several traces share belongs to the first, and the others link to it', async () => {
  const tracing = new Tracing(api);
  const other = traceparent.replace(traceId, 'a'.repeat(32));
  const traces = [tracing.continue(traceparent)!, tracing.continue(other)!];
  const within = await Trace.together(traces, 'work', {}, (trace) => Promise.resolve(trace));
  const spans = exporter.getFinishedSpans();
  expect(spans.map((span) => span.spanContext().traceId).sort()).toEqual([traceId, 'a'.repeat(32)]);
  const own = spans.find((span) => span.spanContext().traceId === traceId)!;
  const linked = spans.find((span) => span !== own)!;
  expect(linked.links.map(({ context }) => context.spanId)).toEqual([own.spanContext().spanId]);
  expect(within?.traceparent).toContain(own.spanContext().spanId);
});

it('work that fails fails in the spans of all traces that share it', async () => {
  const tracing = new Tracing(api);
  const traces = ['a', 'b', 'c'].map((digit) => tracing.continue(traceparent.replace(traceId, digit.repeat(32)))!);
  const refuse = (): Promise<void> => {
    throw new RoostError('Unavailable', 'the host is down');
  };
  await expect(Trace.together(traces, 'work', {}, refuse)).rejects.toThrow('the host is down');
  expect(exporter.getFinishedSpans().map((span) => span.status)).toEqual(
    traces.map(() => ({ code: openTelemetry.SpanStatusCode.ERROR, message: 'the host is down' })),
  );
});

it('a span has the error of an answer that is a failure', async () => {
  const outcome = { error: new RoostError('Conflict', 'two of them') };
  const trace = new Tracing(api).continue(traceparent)!;
  await trace.inSpan(
    'work',
    'internal',
    {},
    () => Promise.resolve(outcome),
    ({ error }) => error,
  );
  expect(exporter.getFinishedSpans()[0]!.attributes['error.type']).toBe('Conflict');
});

it('work is not traced further where the application has no tracer', async () => {
  openTelemetry.trace.disable();
  const trace = new Tracing(api).continue(traceparent)!;
  expect(await trace.inSpan('work', 'internal', {}, (within) => Promise.resolve(within))).toBeUndefined();
});

it('work is not traced further where the sampler of this process drops its span', async () => {
  openTelemetry.trace.disable();
  const sampler = new ParentBasedSampler({
    root: new AlwaysOffSampler(),
    remoteParentSampled: new AlwaysOffSampler(),
  });
  openTelemetry.trace.setGlobalTracerProvider(new BasicTracerProvider({ sampler }));
  const trace = new Tracing(api).continue(traceparent)!;
  const deadline = Deadline.after(1_000, undefined, trace);
  expect(
    await deadline.inSpan(
      'work',
      'internal',
      () => ({}),
      (within) => Promise.resolve(within.trace),
    ),
  ).toBeUndefined();
});

it('deadlines keep the trace of their call, and shared ones that of the first that has one', () => {
  const trace = new Tracing(api).continue(traceparent)!;
  const traced = Deadline.after(1_000, undefined, trace);
  const plain = Deadline.after(2_000);
  for (const one of [
    traced.within(5),
    traced.shared,
    traced.observed({ lagging: false }),
    Deadline.latest([traced, traced]),
  ])
    expect(one.trace).toBe(trace);
  expect(trace.shared).toBe(false);
  const mixed = Deadline.latest([plain, traced]).trace!;
  expect({ shared: mixed.shared, traceparent: mixed.traceparent }).toEqual({ shared: true, traceparent });
  expect(plain.trace).toBeUndefined();
});

it('a log line names the trace of what it is about', () => {
  expect(loggedTrace(traceparent)).toEqual({ trace_id: traceId, span_id: '00f067aa0ba902b7' });
  expect(loggedTrace(undefined)).toEqual({});
});
