import { RoostError } from './errors.js';
import {
  failSpan,
  instrumentationName,
  type SpanAttributes,
  type OpenTelemetry,
  type Span,
  type SpanContext,
  type SpanKind,
  spanKinds,
  type SpanOptions,
  type Tracer,
} from './openTelemetry.js';

const sampledFlag = 1;
/** Version 00 of W3C Trace Context, which readers of later versions understand too. */
const traceparentForm = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The traces of a process that continues those of its clients. It begins none itself. */
export class Tracing {
  readonly #tracer: Tracer;

  constructor(private readonly api: OpenTelemetry) {
    this.#tracer = api.trace.getTracer(instrumentationName);
  }

  /** Continues a sampled trace from another process. Undefined for one that is not sampled, or not readable. */
  continue(traceparent: string | null | undefined): Trace | undefined {
    const [, traceId, spanId, flags] = traceparentForm.exec(traceparent ?? '') ?? [];
    if (traceId === undefined || spanId === undefined) return undefined;
    const traceFlags = Number.parseInt(flags!, 16) & sampledFlag;
    return traceOf(this.api, this.#tracer, { traceId, spanId, traceFlags, isRemote: true });
  }

  /**
   * Begins the span of a call. Its parent is the application's active span, if there is one; the application's sampler
   * decides about it.
   */
  begin(name: string, options: SpanOptions): Span {
    return this.#tracer.startSpan(name, options, this.api.context.active());
  }

  /** The place of a span in its trace; undefined if nobody records it. */
  at(span: Span): Trace | undefined {
    return span.isRecording() ? traceOf(this.api, this.#tracer, span.spanContext()) : undefined;
  }
}

/** A place in a trace, as fields of a log line; none for what is not traced. */
export function loggedTrace(traceparent: string | undefined): Partial<Trace['logged']> {
  const [, trace_id, span_id] = traceparentForm.exec(traceparent ?? '') ?? [];
  return trace_id === undefined || span_id === undefined ? {} : { trace_id, span_id };
}

/** Undefined for a span that is not sampled: nothing is done for it. */
const traceOf = (api: OpenTelemetry, tracer: Tracer, span: SpanContext, shared = false): Trace | undefined =>
  (span.traceFlags & sampledFlag) === 0 ? undefined : new Trace(api, tracer, span, shared);

/** A place in a sampled trace: the span that spans of further work have as their parent. */
export class Trace {
  constructor(
    private readonly api: OpenTelemetry,
    private readonly tracer: Tracer,
    private readonly at: SpanContext,
    /** Whether the work is also that of calls which are not traced, and which must not pay for the trace. */
    readonly shared = false,
  ) {}

  /** The same place, for work that is also that of calls which are not traced. */
  get sharing(): Trace {
    return this.shared ? this : new Trace(this.api, this.tracer, this.at, true);
  }

  /** The place, as W3C Trace Context writes it. */
  get traceparent(): string {
    return `00-${this.at.traceId}-${this.at.spanId}-01`;
  }

  /** The place, as fields of a log line. */
  get logged(): { readonly trace_id: string; readonly span_id: string } {
    return { trace_id: this.at.traceId, span_id: this.at.spanId };
  }

  /**
   * Runs work in a span. The work's trace is undefined if nobody records the span: this process's sampler drops it, or
   * the application has no tracer.
   *
   * @param failure the error of an answer that is a failure, for work that does not throw it
   */
  async inSpan<T>(
    name: string,
    kind: SpanKind,
    attributes: SpanAttributes,
    work: (trace: Trace | undefined) => Promise<T>,
    failure?: (answer: T) => RoostError | undefined,
  ): Promise<T> {
    const span = this.#start(name, kind, attributes);
    return endedWith([span], () => work(this.#of(span)), failure);
  }

  /** Runs work that several traces share: in a span of the first; spans of the others link to that one. */
  static together<T>(
    traces: readonly Trace[],
    name: string,
    attributes: SpanAttributes,
    work: (trace: Trace | undefined) => Promise<T>,
  ): Promise<T> {
    const [first, ...others] = traces;
    if (first === undefined) return work(undefined);
    return first.inSpan(name, 'internal', attributes, async (trace) => {
      const linked = others.map((other) => other.#start(name, 'internal', attributes, trace?.at));
      return endedWith(linked, () => work(trace));
    });
  }

  #of(span: Span): Trace | undefined {
    return span.isRecording() ? traceOf(this.api, this.tracer, span.spanContext(), this.shared) : undefined;
  }

  #start(name: string, kind: SpanKind, attributes: SpanAttributes, link?: SpanContext): Span {
    return this.tracer.startSpan(
      name,
      { kind: spanKinds[kind], attributes, ...(link === undefined ? {} : { links: [{ context: link }] }) },
      this.api.trace.setSpanContext(this.api.ROOT_CONTEXT, this.at),
    );
  }
}

/** Runs work, and ends spans with its outcome. */
async function endedWith<T>(
  spans: readonly Span[],
  work: () => Promise<T>,
  failure?: (answer: T) => RoostError | undefined,
): Promise<T> {
  const failed = ({ code, message }: RoostError): void => {
    for (const span of spans) failSpan(span, code, message);
  };
  try {
    const answer = await work();
    const error = failure?.(answer);
    if (error !== undefined) failed(error);
    return answer;
  } catch (thrown) {
    failed(RoostError.from(thrown));
    throw thrown;
  } finally {
    for (const span of spans) span.end();
  }
}
