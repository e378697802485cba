/**
 * The part of the package `@opentelemetry/api` that Roost uses, so that neither the client nor its types need the
 * package: `import * as openTelemetry from '@opentelemetry/api'` fits.
 */
export interface OpenTelemetry {
  readonly ROOT_CONTEXT: Context;
  readonly context: { active(): Context };
  readonly trace: {
    getTracer(name: string): Tracer;
    setSpanContext(context: Context, span: SpanContext): Context;
  };
  readonly metrics: { getMeter(name: string): Meter };
  /** Where faults of the application's own exporters and samplers go. */
  readonly diag: { error(message: string, ...details: unknown[]): void };
}

/** The name under which Roost's spans and metrics appear. */
export const instrumentationName = 'roostdb';

/** Details of a span or of a measurement, by OpenTelemetry's names. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** Opaque here: what a span's parent is taken from. */
interface Context {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): Context;
  deleteValue(key: symbol): Context;
}

export interface SpanContext {
  /** 32 and 16 hexadecimal digits. */
  traceId: string;
  spanId: string;
  /** Bit 0: sampled. */
  traceFlags: number;
  isRemote?: boolean;
}

export interface Span {
  spanContext(): SpanContext;
  addEvent(name: string, attributes: SpanAttributes): unknown;
  setAttributes(attributes: SpanAttributes): unknown;
  setStatus(status: { code: number; message: string }): unknown;
  updateName(name: string): unknown;
  isRecording(): boolean;
  end(): void;
}

export interface SpanOptions {
  kind: number;
  attributes: SpanAttributes;
  links?: { context: SpanContext }[];
}

export interface Tracer {
  startSpan(name: string, options: SpanOptions, context: Context): Span;
}

interface Instrument {
  add(value: number, attributes: SpanAttributes): void;
}

export interface Histogram {
  record(value: number, attributes: SpanAttributes): void;
}

interface Meter {
  createCounter(name: string, options: { description: string }): Instrument;
  createHistogram(
    name: string,
    options: { description: string; unit: string; advice: { explicitBucketBoundaries: number[] } },
  ): Histogram;
}

/** OpenTelemetry's numbers. */
export const spanKinds = { internal: 0, server: 1, client: 2, producer: 3, consumer: 4 } as const;
export type SpanKind = keyof typeof spanKinds;
const failedStatus = 2;

/** Marks a span as failed. */
export const failSpan = (span: Span, code: string, message: string): void => {
  span.setAttributes({ 'error.type': code });
  span.setStatus({ code: failedStatus, message });
};
