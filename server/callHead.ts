import {
  BinaryReader,
  callBounds,
  malformed,
  maxMethodNameBytes,
  PriorityNumber,
  thriftType,
  type MessageBounds,
} from '../wire/index.js';
import { kindOfMethod, type CallKind, type CallKinds } from './callKind.js';

/** If there are too many calls, those of the lowest rank are refused first. */
export type Rank = 'low' | 'medium' | 'high';

/** What a call's first bytes tell before it is decoded. Calls of the same method and rank share one object. */
export interface CallHead {
  /** Undefined for a method that the service does not have. */
  readonly method: string | undefined;
  readonly kind: CallKind;
  readonly rank: Rank;
}

/** A message begins with a word, the length of the name, the name, and the sequence id. */
const nameLengthAt = 4;
const nameAt = 8;
const headBytes = 12;
const frameLengthBytes = 4;
/** A write with more values counts as high priority: reading on would cost what the look is meant to save. */
const lookBounds: MessageBounds = { ...callBounds, values: 256 };
/** Path of field ids to a write's priority. */
const priorityOfExecute = [1, 3] as const;
const priorityOfOptions = [2, 1] as const;
const rankOfPriority = new Map<number, Rank>([
  [PriorityNumber.Low, 'low'],
  [PriorityNumber.Medium, 'medium'],
]);
const unknown: CallHead = { method: undefined, kind: 'read', rank: 'high' };

/** Throws `InvalidArgument` for bytes that do not begin a message. */
function seqidAt(message: Buffer): number {
  const nameBytes = message.length < headBytes ? 0 : message.readInt32BE(nameLengthAt);
  if (nameBytes < 1 || nameBytes > maxMethodNameBytes || headBytes + nameBytes > message.length)
    throw malformed('it does not name a method');
  return nameAt + nameBytes;
}

/** The name of a call's method. */
export const methodOf = (message: Buffer): string => message.toString('latin1', nameAt, seqidAt(message));

export const seqidOf = (message: Buffer): number => message.readInt32BE(seqidAt(message));

/** Writes the sequence id of an answer, a frame at an offset among others. */
export function setSeqid(frames: Buffer, at: number, seqid: number): void {
  const messageAt = at + frameLengthBytes;
  frames.writeInt32BE(seqid, messageAt + nameAt + frames.readInt32BE(messageAt + nameLengthAt));
}

interface HeadsOfMethod extends Readonly<Record<Rank, CallHead>> {
  readonly name: Buffer;
}

/** The heads of a service's calls. */
export class CallHeads {
  readonly #byMethod: ReadonlyMap<string, HeadsOfMethod>;
  /**
   * The previous call's: the next is often to the same method, and comparing a few bytes is cheaper than making a
   * string.
   */
  #last: HeadsOfMethod | undefined;

  /** @param kinds the kinds of methods, or that of all of them */
  constructor(methods: readonly string[], kinds: CallKind | CallKinds) {
    this.#byMethod = new Map(
      methods.map((method) => {
        const kind = typeof kinds === 'string' ? kinds : kindOfMethod(kinds, method);
        const head = (rank: Rank): CallHead => ({ method, kind, rank });
        const name = Buffer.from(method, 'latin1');
        return [method, { name, low: head('low'), medium: head('medium'), high: head('high') }];
      }),
    );
  }

  /** Throws `InvalidArgument` for bytes that are no message. */
  of(message: Buffer): CallHead {
    const nameEnd = seqidAt(message);
    if (this.#last === undefined || !isName(message, nameEnd, this.#last.name))
      this.#last = this.#byMethod.get(message.toString('latin1', nameAt, nameEnd));
    if (this.#last === undefined) return unknown;
    const { kind, method } = this.#last.high;
    if (kind === 'write') return this.#last[rankOfWrite(message, method!)];
    return this.#last[kind === 'background' ? 'low' : 'high'];
  }
}

function isName(message: Buffer, nameEnd: number, name: Buffer): boolean {
  if (nameEnd - nameAt !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (message[nameAt + i] !== name[i]) return false;
  return true;
}

function rankOfWrite(message: Buffer, method: string): Rank {
  const reader = new BinaryReader(message, lookBounds);
  try {
    reader.readMessageBegin();
    const [argument, field] = method === 'execute' ? priorityOfExecute : priorityOfOptions;
    if (!seek(reader, argument, thriftType.struct) || !seek(reader, field, thriftType.i32)) return 'high';
    return rankOfPriority.get(reader.readI32()) ?? 'high';
  } catch {
    // Decoding all of it will tell what is wrong.
    return 'high';
  }
}

/** Reads a struct up to the value of a field. False if it has no such field of that type. */
function seek(reader: BinaryReader, id: number, type: number): boolean {
  for (;;) {
    const { ftype, fid } = reader.readFieldBegin();
    if (ftype === thriftType.stop) return false;
    if (fid === id && ftype === type) return true;
    reader.skip(ftype);
  }
}
