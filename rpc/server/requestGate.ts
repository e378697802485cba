import type { RoostError } from '../../core/index.js';

/** What a processor asks before it starts on a request. */
export interface RequestGate {
  /** Why the request must be refused, or undefined where it may run. */
  refusal(): RoostError | undefined;
}

/** Reads one request from `input` and, at once or later, writes its answer to `output`. Throws where the request is malformed. */
export interface ThriftProcessor {
  process(input: unknown, output: unknown): void;
}

/** Makes the processor of one connection. */
export type ProcessorFactory = (gate: RequestGate) => ThriftProcessor;
