import { RoostError, type Trace } from '../core/index.js';
import type { Log, Metrics } from '../process/index.js';
import { BinaryReader, callBounds, errorToThrift, PriorityNumber } from '../wire/index.js';
import { AnswerWriter } from './answerWriter.js';
import { authenticateMethod } from './authenticateMethod.js';
import type { Caller } from './caller.js';
import { CallHeads, methodOf, type CallHead } from './callHead.js';
import { inTrace } from './callTrace.js';
import { kindOfCall, type CallKind, type CallKinds } from './callKind.js';

/** The parts that turn a generated processor into a service. */
export interface ServiceParts<H extends object> {
  readonly Processor: new (handler: H) => object;
  /** Creates the handler of one connection. Its errors are RoostErrors. */
  readonly handler: (caller: Caller) => H;
  readonly metrics: Metrics;
  readonly log: Log;
  /** The exception that clients of a method know: field 1 of its result. Absent: `RoostException`. */
  readonly toException?: (method: string, error: RoostError) => Error;
  /** The kinds of its methods, see `kindsOf`, or the one kind of all. */
  readonly kinds: CallKind | CallKinds;
}

/** A Thrift service, for a ThriftServer's `processor`. */
export interface ThriftService {
  open(caller: Caller): ServiceSession;
}

/** The service as one connection sees it. */
export interface ServiceSession {
  /**
   * Decodes a call and writes its answer, at once or later. Throws for bytes that are no message, or hold too much
   * for a call.
   */
  process(message: Buffer, output: AnswerWriter): void;
  /** Throws for bytes that are no message. */
  head(message: Buffer): CallHead;
  /**
   * The answer, as a frame, that refuses a call without decoding its arguments; write the sequence id into a copy.
   */
  refusal(message: Buffer, head: CallHead, error: RoostError): Buffer;
}

type Method = (...args: unknown[]) => Promise<unknown>;
type Writable = { write(output: AnswerWriter): void };
interface Generated {
  process(input: BinaryReader, output: AnswerWriter): void;
}

/** Refusals of a method's calls by one error: their answer, and how many the metrics do not have yet. */
interface Refusals {
  readonly method: string;
  readonly code: string;
  readonly answer: Buffer;
  count: number;
}

const replyType = 2;
const structType = 12;

/**
 * Wraps each method of a handler: takes a slot of its kind, counts and times the call by method and code, and turns
 * anything thrown into the IDL's exception.
 */
export function thriftService<H extends object>({
  Processor,
  handler,
  metrics,
  log,
  toException = (_method, error) => errorToThrift(error),
  kinds,
}: ServiceParts<H>): ThriftService {
  const calls = metrics.counter('roost_rpc_calls_total', 'Calls answered, by method and code', ['method', 'code']);
  const faults = metrics.counter('roost_rpc_faults_total', 'Calls that met a fault in Roost itself');
  const seconds = metrics.histogram(
    'roost_rpc_duration_seconds',
    'Time from the start of work on a request to its answer, by method',
    ['method'],
  );

  const templates = new WeakMap<RoostError, Map<string, Refusals>>();
  const uncounted = new Set<Refusals>();

  const wrap = (name: string, method: Method, { load, access, service, tracing }: Caller): Method => {
    const work = async (args: readonly unknown[], trace: Trace | undefined): Promise<unknown> => {
      const startMs = performance.now();
      let code = 'OK';
      try {
        const denied = access.refusalOfGraphs(name, args);
        if (denied !== undefined) throw denied;
        const kind = typeof kinds === 'string' ? kinds : kindOfCall(kinds, name, args);
        const refusal = load.enter(kind, isLow(args));
        if (refusal !== undefined) throw refusal;
        try {
          return await method(...args);
        } finally {
          load.leave(kind);
        }
      } catch (thrown) {
        const error = RoostError.from(thrown);
        ({ code } = error);
        if (code === 'Internal') {
          faults.inc();
          log.error({ err: error, method: name, ...trace?.logged }, 'a call failed unexpectedly');
        }
        throw error;
      } finally {
        calls.inc({ method: name, code });
        seconds.observe({ method: name }, (performance.now() - startMs) / 1000);
      }
    };
    const of = { method: name, service };
    const wrapped: Method = async (...args) => {
      try {
        return await (tracing === undefined
          ? work(args, undefined)
          : inTrace(tracing, of, args, (trace) => work(args, trace)));
      } catch (error) {
        throw toException(name, RoostError.from(error));
      }
    };
    // The generated code concludes from the number of parameters that the method returns a promise.
    return Object.defineProperty(wrapped, 'length', { value: method.length });
  };

  let heads: CallHeads | undefined;
  return {
    open(caller) {
      const methods = Object.entries(handler(caller)) as [string, Method][];
      heads ??= new CallHeads([authenticateMethod, ...methods.map(([name]) => name)], kinds);
      const ofService = heads;
      const generated = new Processor(
        Object.fromEntries(methods.map(([name, method]) => [name, wrap(name, method, caller)])) as H,
      ) as Generated;
      return {
        process: (message, output) => generated.process(new BinaryReader(message, callBounds), output),
        head: (message) => ofService.of(message),
        refusal(message, { method }, error) {
          const refusals = method === undefined ? undefined : refusalsOf(method, error);
          if (refusals === undefined) {
            calls.inc({ method: 'unknown', code: error.code });
            return unknownMethod(methodOf(message), error);
          }
          count(refusals);
          return refusals.answer;
        },
      };
    },
  };

  /** Counts refusals once per turn of the event loop. */
  function count(refusals: Refusals): void {
    if (uncounted.size === 0)
      setImmediate(() => {
        for (const { method, code, count } of uncounted) calls.inc({ method, code }, count);
        for (const each of uncounted) each.count = 0;
        uncounted.clear();
      });
    if (refusals.count++ === 0) uncounted.add(refusals);
  }

  /** Made once for an error that refuses many calls. */
  function refusalsOf(method: string, error: RoostError): Refusals {
    let byMethod = templates.get(error);
    if (byMethod === undefined) templates.set(error, (byMethod = new Map<string, Refusals>()));
    let refusals = byMethod.get(method);
    if (refusals === undefined) {
      const answer = answerOf((output) => {
        output.writeMessageBegin(method, replyType, 0);
        output.writeFieldBegin('ex', structType, 1);
        const exception = method === authenticateMethod ? errorToThrift(error) : toException(method, error);
        (exception as unknown as Writable).write(output);
        output.writeFieldStop();
        output.flush();
      });
      refusals = { method, code: error.code, answer, count: 0 };
      byMethod.set(method, refusals);
    }
    return refusals;
  }
}

const unknownMethod = (method: string, error: RoostError): Buffer =>
  answerOf((output) => output.writeFailure(method, 0, error.message));

function answerOf(write: (output: AnswerWriter) => void): Buffer {
  let answer: Buffer = Buffer.alloc(0);
  write(
    new AnswerWriter(
      true,
      (bytes) => (answer = bytes),
      () => undefined,
    ),
  );
  return answer;
}

/** Whether a write asks for the lowest priority, in its options or, for FlockDB's, in its only argument. */
const isLow = (args: readonly unknown[]): boolean =>
  (args.at(-1) as { readonly priority?: number | null } | null | undefined)?.priority === PriorityNumber.Low;
