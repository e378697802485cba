import { RoostException } from './generated.js';
import type { BinaryReader } from './binaryReader.js';
import type { BinaryWriter } from './binaryWriter.js';
import { thriftType } from './thriftType.js';

interface Values {
  bool: boolean;
  i32: number;
  i64: bigint;
  string: string;
  binary: Buffer;
}
type FieldType = keyof Values;

/**
 * A method of a service: the types of its arguments, which are the call's fields 1, 2, …, and of its result. Without
 * a result it returns nothing.
 */
export interface DeclaredMethod {
  readonly args: readonly FieldType[];
  readonly result?: FieldType;
}
type Methods = Readonly<Record<string, DeclaredMethod>>;

/** A field that its sender left out is null. */
type ArgsOf<A extends readonly FieldType[]> = { -readonly [Place in keyof A]: Values[A[Place]] | null };
type ResultOf<M extends DeclaredMethod> = M['result'] extends FieldType ? Values[M['result']] | null : void;

/** The methods, as the handler implements and the client calls them. */
export type Declared<M extends Methods> = {
  [Name in keyof M]: (...args: ArgsOf<M[Name]['args']>) => Promise<ResultOf<M[Name]>>;
};

/** A service for both of its ends. */
export interface DeclaredService<M extends Methods> {
  /** For `thriftService`. */
  readonly Processor: new (handler: Declared<M>) => object;
  /** For `ThriftConnection`. */
  readonly Client: new (output: object, protocol: object) => Declared<M>;
}

interface Answer extends BinaryWriter {
  writeFailure(method: string, seqid: number, text: string): void;
  abandon(error: unknown): void;
}
interface Codec {
  readonly id: number;
  read(input: BinaryReader): unknown;
  write(output: BinaryWriter, value: unknown): void;
}
const codecs: Readonly<Record<FieldType, Codec>> = {
  bool: { id: thriftType.bool, read: (i) => i.readBool(), write: (o, value) => o.writeBool(value as boolean) },
  i32: { id: thriftType.i32, read: (i) => i.readI32(), write: (o, value) => o.writeI32(value as number) },
  i64: { id: thriftType.i64, read: (i) => i.readI64(), write: (o, value) => o.writeI64(value as bigint) },
  string: { id: thriftType.string, read: (i) => i.readString(), write: (o, value) => o.writeString(value as string) },
  binary: { id: thriftType.string, read: (i) => i.readBinary(), write: (o, value) => o.writeBinary(value as Buffer) },
};
const callMessage = 1;
const replyMessage = 2;
const exceptionMessage = 3;

/**
 * A Thrift service of plain values without an IDL or generated code, for a store's first service. A client in another
 * language declares each method as `string get_note(1: i64 id) throws (1: roost.RoostException ex)`. A service with
 * structs is generated from its IDL.
 */
export function declareService<const M extends Methods>(methods: M): DeclaredService<M> {
  class Processor {
    constructor(private readonly handler: Declared<M>) {}

    process(input: BinaryReader, output: Answer): void {
      const { fname, rseqid } = input.readMessageBegin();
      const method = Object.hasOwn(methods, fname) ? methods[fname]! : undefined;
      if (method === undefined) return output.writeFailure(fname, rseqid, `there is no method ${fname}`);
      const args = new Array<unknown>(method.args.length).fill(null);
      readFields(input, (id) => [method.args[id - 1], (value) => (args[id - 1] = value)]);
      const call = this.handler[fname] as (...args: unknown[]) => Promise<unknown>;
      const answer = (write: () => void): void => {
        output.writeMessageBegin(fname, replyMessage, rseqid);
        write();
        output.writeFieldStop();
        output.flush();
      };
      call(...args)
        .then((value) => answer(() => method.result && writeField(output, 0, method.result, value)))
        .catch((error: unknown) => {
          if (!(error instanceof RoostException))
            return output.writeFailure(fname, rseqid, error instanceof Error ? error.message : String(error));
          answer(() => {
            output.writeFieldBegin('ex', thriftType.struct, 1);
            (error as unknown as { write(to: BinaryWriter): void }).write(output);
          });
        })
        .catch((error: unknown) => output.abandon(error));
    }
  }

  /** Works like generated clients: `ThriftClient` counts the calls, and passes answers to their methods' `recv_`. */
  class Client {
    readonly _reqs: Record<number, (error: Error | undefined, result?: unknown) => void> = {};
    #lastSeqid = 0;
    new_seqid = (): number => ++this.#lastSeqid;

    constructor(
      private readonly output: { flush(): void },
      private readonly protocol: new (output: object) => BinaryWriter,
    ) {
      for (const [name, { args, result }] of Object.entries(methods))
        Object.assign(this, {
          [name]: (...values: unknown[]) => this.#send(name, args, values),
          [`recv_${name}`]: (input: BinaryReader, type: number, seqid: number) =>
            this.#receive(name, result, input, type, seqid),
        });
    }

    #send(name: string, types: readonly FieldType[], values: readonly unknown[]): Promise<unknown> {
      const seqid = this.new_seqid();
      return new Promise((resolve, reject) => {
        this._reqs[seqid] = (error, result) => (error === undefined ? resolve(result) : reject(error));
        try {
          const output = new this.protocol(this.output);
          output.writeMessageBegin(name, callMessage, seqid);
          for (const [place, type] of types.entries()) writeField(output, place + 1, type, values[place]);
          output.writeFieldStop();
          this.output.flush();
        } catch (error) {
          delete this._reqs[seqid];
          throw error;
        }
      });
    }

    #receive(name: string, type: FieldType | undefined, input: BinaryReader, mtype: number, seqid: number): void {
      const answer = this._reqs[seqid];
      delete this._reqs[seqid];
      if (mtype === exceptionMessage) {
        let text: unknown;
        readFields(input, (id) => [id === 1 ? 'string' : undefined, (value) => (text = value)]);
        return answer?.(new Error(`${name}: ${String(text)}`));
      }
      let success: unknown = null;
      let exception: Error | undefined;
      readFields(
        input,
        (id) => [id === 0 ? type : undefined, (value) => (success = value)],
        (id) => {
          if (id !== 1) return false;
          const read = new RoostException();
          (read as unknown as { read(from: BinaryReader): void }).read(input);
          exception = read;
          return true;
        },
      );
      answer?.(exception, type === undefined ? undefined : success);
    }
  }
  return { Processor, Client } as unknown as DeclaredService<M>;
}

/** Reads a struct: fields of the types that `field` names, structs that `struct` reads. The others are skipped. */
function readFields(
  input: BinaryReader,
  field: (id: number) => readonly [FieldType | undefined, (value: unknown) => void],
  struct: (id: number) => boolean = () => false,
): void {
  for (;;) {
    const { ftype, fid } = input.readFieldBegin();
    if (ftype === thriftType.stop) return;
    if (ftype === thriftType.struct && struct(fid)) continue;
    const [type, take] = field(fid);
    if (type !== undefined && codecs[type].id === ftype) take(codecs[type].read(input));
    else input.skip(ftype);
  }
}

function writeField(output: BinaryWriter, id: number, type: FieldType, value: unknown): void {
  if (value === null || value === undefined) return;
  output.writeFieldBegin('', codecs[type].id, id);
  codecs[type].write(output, value);
}
