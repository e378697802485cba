import { RoostError, type Log, type Metrics } from '../../core/index.js';
import type { RequestGate } from './requestGate.js';

export interface Observation {
  readonly metrics: Metrics;
  readonly log: Log;
  /** The exception that a method's clients know. */
  readonly toException: (method: string, error: RoostError) => Error;
}

type Method = (...args: unknown[]) => Promise<unknown>;

/**
 * Wraps each method of a handler: asks the gate first, counts and times the call by method and code, and turns whatever is thrown into
 * the exception of the IDL. Returns what makes the handler of one connection.
 */
export function observed<H extends object>(handler: H, { metrics, log, toException }: Observation): (gate: RequestGate) => H {
  const calls = metrics.counter('roost_rpc_calls_total', 'Calls answered, by method and code', ['method', 'code']);
  const seconds = metrics.histogram('roost_rpc_duration_seconds', 'Time from a whole request to its answer, by method', ['method']);

  const wrap = (name: string, method: Method, gate: RequestGate): Method => {
    const wrapped: Method = async (...args) => {
      const startMs = performance.now();
      let code = 'OK';
      try {
        const refusal = gate.refusal();
        if (refusal !== undefined) throw refusal;
        return await method(...args);
      } catch (thrown) {
        const error = RoostError.from(thrown);
        ({ code } = error);
        if (code === 'Internal') log.error({ err: error, method: name }, 'a call failed unexpectedly');
        throw toException(name, error);
      } finally {
        calls.inc({ method: name, code });
        seconds.observe({ method: name }, (performance.now() - startMs) / 1000);
      }
    };
    // The generated code tells from the number of parameters that the method returns a promise.
    return Object.defineProperty(wrapped, 'length', { value: method.length });
  };

  const methods = Object.entries(handler) as [string, Method][];
  return (gate) => Object.fromEntries(methods.map(([name, method]) => [name, wrap(name, method, gate)])) as H;
}
