import { RoostError, type Log, type Metrics } from '../../core/index.js';
import { BinaryReader, callBounds, isOversized, Priority } from '../wire/index.js';
import type { AnswerWriter } from './answerWriter.js';
import type { Caller } from './caller.js';
import { kindOfCall, type CallKind } from './callKind.js';

/** What makes a generated processor a service. */
export interface ServiceParts<H extends object> {
  readonly Processor: new (handler: H) => object;
  /** Makes the handler of one connection. Errors are RoostErrors. */
  readonly handler: (caller: Caller) => H;
  readonly metrics: Metrics;
  readonly log: Log;
  /** The exception that a method's clients know: field 1 of its result. */
  readonly toException: (method: string, error: RoostError) => Error;
  /** Absent: told by method and acknowledgement. */
  readonly kind?: CallKind;
}

/** A Thrift service, for a ThriftServer's `processor`. */
export interface ThriftService {
  open(caller: Caller): ServiceSession;
}

/** The service as one connection sees it. */
export interface ServiceSession {
  /** Reads a call and, at once or later, writes its answer. Throws where the bytes are not a message. */
  process(message: Buffer, output: AnswerWriter): void;
  /** Answers a call with an error without looking at its arguments. */
  refuse(message: Buffer, output: AnswerWriter, error: RoostError): void;
}

type Method = (...args: unknown[]) => Promise<unknown>;
type Writable = { write(output: AnswerWriter): void };
interface Generated {
  process(input: BinaryReader, output: AnswerWriter): void;
}

const replyType = 2;
const structType = 12;

/**
 * Wraps each method of a handler: takes a slot of its kind first, counts and times the call by method and code, and turns whatever is thrown into
 * the exception of the IDL.
 */
export function thriftService<H extends object>({ Processor, handler, metrics, log, toException, kind: fixedKind }: ServiceParts<H>): ThriftService {
  const calls = metrics.counter('roost_rpc_calls_total', 'Calls answered, by method and code', ['method', 'code']);
  const seconds = metrics.histogram('roost_rpc_duration_seconds', 'Time from the start of work on a request to its answer, by method', ['method']);

  const wrap = (name: string, method: Method, load: Caller['load']): Method => {
    const wrapped: Method = async (...args) => {
      const startMs = performance.now();
      let code = 'OK';
      try {
        const kind = fixedKind ?? kindOfCall(name, args);
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

  return {
    open(caller) {
      const methods = Object.entries(handler(caller)) as [string, Method][];
      const names = new Set(methods.map(([name]) => name));
      const generated = new Processor(Object.fromEntries(methods.map(([name, method]) => [name, wrap(name, method, caller.load)])) as H) as Generated;
      const session: ServiceSession = {
        process(message, output) {
          try {
            generated.process(new BinaryReader(message, callBounds), output);
          } catch (error) {
            if (!isOversized(error)) throw error;
            session.refuse(message, output, error);
          }
        },
        refuse(message, output, error) {
          const { fname: method, rseqid } = new BinaryReader(message, callBounds).readMessageBegin();
          const known = names.has(method);
          calls.inc({ method: known ? method : 'unknown', code: error.code });
          if (!known) {
            output.writeFailure(method, rseqid, error.message);
            return;
          }
          output.writeMessageBegin(method, replyType, rseqid);
          output.writeFieldBegin('ex', structType, 1);
          (toException(method, error) as unknown as Writable).write(output);
          output.writeFieldStop();
          output.flush();
        },
      };
      return session;
    },
  };
}

/** Whether a write asks for the lowest priority, in its options or, of FlockDB's, in its only argument. */
const isLow = (args: readonly unknown[]): boolean => (args.at(-1) as { readonly priority?: number | null } | null | undefined)?.priority === Priority.Low;
