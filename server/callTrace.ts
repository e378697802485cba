import type { Trace, Tracing } from '../core/index.js';

/** Spans of the calls in work, by the options that the client sent, which the handler gets too. */
const traces = new WeakMap<object, Trace>();

/** The trace of a call with these options; undefined if it is not traced. */
export const traceOf = (options: object | null): Trace | undefined =>
  options === null ? undefined : traces.get(options);

/** Runs a call in a span of the trace that its last argument, the options, names. Most calls name none. */
export function inTrace<T>(
  tracing: Tracing,
  { method, service }: { readonly method: string; readonly service: string },
  args: readonly unknown[],
  work: (trace: Trace | undefined) => Promise<T>,
): Promise<T> {
  const options = args.at(-1) as { readonly traceparent?: string | null } | null | undefined;
  const parent = tracing.continue(options?.traceparent);
  if (parent === undefined) return work(undefined);
  const attributes = { 'rpc.system': 'thrift', 'rpc.service': service, 'rpc.method': method };
  return parent.inSpan(`roost/${method}`, 'server', attributes, (trace) => {
    if (trace !== undefined) traces.set(options!, trace);
    return work(trace);
  });
}
