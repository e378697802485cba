import {
  type Attributes,
  type Deadline,
  failSpan,
  instrumentationName,
  type OpenTelemetry,
  type RoostError,
  type Span,
  Tracing,
} from '../core/index.js';
import type { OnSent } from './thriftConnection.js';

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

  constructor(api: OpenTelemetry) {
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

  begin(): ObservedCall {
    return new ObservedCall(this.#tracing.begin('roost call', 'client', { 'rpc.system': 'thrift' }), {
      retried: (method, code) => this.#retries.add(1, labels(method, code)),
      ended: (method, code, seconds) => {
        this.#calls.add(1, labels(method, code));
        this.#duration.record(seconds, { 'rpc.method': method });
      },
    });
  }
}

const labels = (method: string, code: string): Attributes => ({ 'rpc.method': method, code });

interface Counts {
  retried(method: string, code: string): void;
  ended(method: string, code: string, seconds: number): void;
}

/** A call from its beginning to its end. */
export class ObservedCall {
  readonly #span: Span;
  readonly #startMs = performance.now();
  #method = notSent;

  constructor(
    private readonly begun: ReturnType<Tracing['begin']>,
    private readonly counts: Counts,
  ) {
    this.#span = begun.span;
  }

  /** The deadline of the call's attempts, which carries its trace to the server. */
  traced(deadline: Deadline): Deadline {
    return this.begun.trace === undefined ? deadline : deadline.traced(this.begun.trace);
  }

  readonly onSent: OnSent = (method) => {
    if (method === this.#method) return;
    this.#method = method;
    this.#span.updateName(`roost/${method}`);
    this.#span.setAttributes({ 'rpc.method': method });
  };

  /** An attempt failed, and another follows. */
  retried({ code, message }: RoostError): void {
    this.#span.addEvent('retry', { code, message });
    this.counts.retried(this.#method, code);
  }

  /** @param error absent: the call was answered */
  ended(error?: RoostError): void {
    if (error !== undefined) failSpan(this.#span, error.code, error.message);
    this.#span.end();
    this.counts.ended(this.#method, error?.code ?? 'OK', (performance.now() - this.#startMs) / 1_000);
  }
}
