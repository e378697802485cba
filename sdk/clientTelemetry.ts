import {
  type SpanAttributes,
  type Deadline,
  failSpan,
  instrumentationName,
  type OpenTelemetry,
  type RoostError,
  type Span,
  spanKinds,
  type SpanOptions,
  Tracing,
} from '../core/index.js';
import type { SentCall } from './thriftConnection.js';

/** Bounds of the buckets of durations, in seconds: from a read on the same machine to a deadline. */
const durationBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A call's method until it has been sent, for calls that no server could be reached for. */
const notSent = 'unsent';

/**
 * A client's spans and metrics in the application's OpenTelemetry. Each call has one span, over all its attempts; the
 * metrics are `roost.client.calls`, `roost.client.retries` and `roost.client.duration` (seconds), by method and code.
 */
export class ClientTelemetry {
  readonly #tracing: Tracing;
  readonly #calls;
  readonly #retries;
  readonly #duration;
  /** Labels of measurements, by method and code: most calls are not sampled, and cost little more than these. */
  readonly #labels = new Map<string, Map<string, SpanAttributes>>();

  constructor(private readonly api: OpenTelemetry) {
    this.#tracing = new Tracing(api);
    const meter = api.metrics.getMeter(instrumentationName);
    this.#calls = meter.createCounter('roost.client.calls', { description: 'Calls, by method and code' });
    this.#retries = meter.createCounter('roost.client.retries', {
      description: 'Attempts after the first, by method and the code of the attempt before',
    });
    this.#duration = meter.createHistogram('roost.client.duration', {
      description: 'Time from a call to its answer, with all attempts, by method',
      unit: 's',
      advice: { explicitBucketBoundaries: durationBounds },
    });
  }

  /** Undefined if the application's sampler fails: no call fails with it. */
  begin(): ObservedCall | undefined {
    return this.quietly(() => new ObservedCall(this, this.#tracing, this.#tracing.begin('roost call', callSpan)));
  }

  /** Runs code of the application, such as its exporters. Their faults go to the API's diagnostics. */
  quietly<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      this.api.diag.error("the application's telemetry fails", error);
      return undefined;
    }
  }

  countRetry(method: string, code: string): void {
    this.#retries.add(1, this.#labelsOf(method, code));
  }

  countCall(method: string, code: string, seconds: number): void {
    this.#calls.add(1, this.#labelsOf(method, code));
    this.#duration.record(seconds, this.#labelsOf(method, ''));
  }

  /** Without a code: the method's alone. */
  #labelsOf(method: string, code: string): SpanAttributes {
    let ofMethod = this.#labels.get(method);
    if (ofMethod === undefined) this.#labels.set(method, (ofMethod = new Map<string, SpanAttributes>()));
    let labels = ofMethod.get(code);
    if (labels === undefined) ofMethod.set(code, (labels = { 'rpc.method': method, ...(code === '' ? {} : { code }) }));
    return labels;
  }
}

const callSpan: SpanOptions = { kind: spanKinds.client, attributes: { 'rpc.system': 'thrift' } };

/** A call from its beginning to its end. */
export class ObservedCall implements SentCall {
  readonly #startMs = performance.now();
  #method = notSent;

  constructor(
    private readonly telemetry: ClientTelemetry,
    private readonly tracing: Tracing,
    private readonly span: Span,
  ) {}

  /** The deadline of the call's attempts, which carries its trace to the server. */
  traced(deadline: Deadline): Deadline {
    const trace = this.tracing.at(this.span);
    return trace === undefined ? deadline : deadline.traced(trace);
  }

  sent(method: string): void {
    if (method === this.#method) return;
    this.#method = method;
    if (!this.span.isRecording()) return;
    this.span.updateName(`roost/${method}`);
    this.span.setAttributes({ 'rpc.method': method });
  }

  /** An attempt failed, and another follows. */
  retried({ code, message }: RoostError): void {
    this.span.addEvent('retry', { code, message });
    this.telemetry.countRetry(this.#method, code);
  }

  /** @param error undefined: the call was answered */
  ended(error: RoostError | undefined): void {
    this.telemetry.quietly(() => {
      if (error !== undefined) failSpan(this.span, error.code, error.message);
      this.span.end();
      this.telemetry.countCall(this.#method, error?.code ?? 'OK', (performance.now() - this.#startMs) / 1_000);
    });
  }
}
