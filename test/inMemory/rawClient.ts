import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { BinaryReader, BinaryWriter, MessageSplitter } from '../../wire/index.js';

/** An answer's head, and the rest of it. */
export interface RawAnswer {
  readonly method: string;
  /** 2: a reply; 3: an exception of Thrift's own. */
  readonly type: number;
  readonly seqid: number;
  readonly message: Buffer;
}

/** A TCP client that sends any bytes, for calls that a well-behaved client would not make. */
export class RawClient {
  readonly #answers: RawAnswer[] = [];
  readonly #splitter = new MessageSplitter();
  #wake: () => void = () => undefined;
  #closed = false;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      for (const message of this.#splitter.push(chunk)) {
        const { fname, mtype, rseqid } = new BinaryReader(message).readMessageBegin();
        this.#answers.push({ method: fname, type: mtype, seqid: rseqid, message });
      }
      this.#wake();
    });
    // A server may also close with a reset.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Returns the next answer; undefined if the server closed the connection without an answer. */
  async answer(): Promise<RawAnswer | undefined> {
    while (this.#answers.length === 0 && !this.#closed) await this.#change();
    return this.#answers.shift();
  }

  async closedByServer(): Promise<void> {
    while (!this.#closed) await this.#change();
  }

  async close(): Promise<void> {
    this.socket.destroy();
    await this.closedByServer();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}

/** A call of FlockDB's `contains`. */
export function containsCall(framed: boolean, seqid: number, destinationId = 2n, graphId = 1): Buffer {
  let call: Buffer = Buffer.alloc(0);
  const output = new BinaryWriter(framed, (message) => (call = message));
  output.writeMessageBegin('contains', 1, seqid);
  output.writeFieldBegin('source_id', 10, 1);
  output.writeI64(1n);
  output.writeFieldBegin('graph_id', 8, 2);
  output.writeI32(graphId);
  output.writeFieldBegin('destination_id', 10, 3);
  output.writeI64(destinationId);
  output.writeFieldStop();
  output.flush();
  return call;
}

/** A framed call of FlockDB's `execute`, of a priority by its number, that adds one edge. */
export function executeCall(seqid: number, destinationId: bigint, priority: number): Buffer {
  let call: Buffer = Buffer.alloc(0);
  const output = new BinaryWriter(true, (message) => (call = message));
  const destinations = Buffer.alloc(8);
  destinations.writeBigInt64LE(destinationId);
  output.writeMessageBegin('execute', 1, seqid);
  output.writeFieldBegin('operations', 12, 1);
  output.writeFieldBegin('operations', 15, 1);
  output.writeListBegin(12, 1);
  output.writeFieldBegin('operation_type', 8, 1);
  output.writeI32(1);
  output.writeFieldBegin('term', 12, 2);
  output.writeFieldBegin('source_id', 10, 1);
  output.writeI64(1n);
  output.writeFieldBegin('graph_id', 8, 2);
  output.writeI32(1);
  output.writeFieldBegin('is_forward', 2, 3);
  output.writeBool(true);
  output.writeFieldBegin('destination_ids', 11, 4);
  output.writeBinary(destinations);
  output.writeFieldStop();
  output.writeFieldStop();
  output.writeFieldBegin('priority', 8, 3);
  output.writeI32(priority);
  output.writeFieldStop();
  output.writeFieldStop();
  output.flush();
  return call;
}

/** A call of `authenticate`; other fields of it as `write` likes. */
export function authenticateCall(
  framed: boolean,
  seqid: number,
  token: string | ((output: BinaryWriter) => void),
): Buffer {
  let call: Buffer = Buffer.alloc(0);
  const output = new BinaryWriter(framed, (message) => (call = Buffer.from(message)));
  output.writeMessageBegin('authenticate', 1, seqid);
  if (typeof token === 'function') token(output);
  else {
    output.writeFieldBegin('token', 11, 1);
    output.writeString(token);
  }
  output.writeFieldStop();
  output.flush();
  return call;
}
