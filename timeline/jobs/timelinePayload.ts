import { RoostError } from '../../core/index.js';
import { requirePayloadVersion, type FollowUp } from '../../gizzard/index.js';
import { keyBytes, type TimelineEntry } from '../entry.js';

export const timelineJobKind = 'timelines.write';

/**
 * Delivers an entry to the timelines of an author's followers, except those that are read too rarely, or restores it
 * where it was removed. `least`: the decayed number of reads of a replica from which on it is pushed.
 */
export interface DeliveryWrite {
  readonly op: 'deliver' | 'restore';
  readonly entry: TimelineEntry;
  readonly prefix: string;
  readonly ids: BigInt64Array;
  readonly least: number;
}

/** Removes the entry of a deleted tweet. Once applied, it is followed by a look whether the tweet is live again. */
export interface Retraction {
  readonly op: 'retract';
  readonly entry: TimelineEntry;
  readonly prefix: string;
  readonly ids: BigInt64Array;
}

/** A write to timelines, as a job holds it. */
export type TimelineWrite =
  /** Adds or removes one entry in the timelines named by the prefix and each id. */
  | {
      readonly op: 'push' | 'remove';
      readonly entry: TimelineEntry;
      readonly prefix: string;
      readonly ids: BigInt64Array;
    }
  | DeliveryWrite
  | Retraction
  /** Concerns several entries of one timeline. */
  | { readonly op: SeveralOperation; readonly name: string; readonly entries: readonly TimelineEntry[] }
  /** Brings all entries of some authors down to `floor`; absent: all of theirs. After `complete`, the timeline has all entries that it should have. */
  | {
      readonly op: 'fill' | 'complete';
      readonly name: string;
      readonly entries: readonly TimelineEntry[];
      readonly floor?: bigint | undefined;
    }
  /** The same of one author, which ends the pull that has the token. */
  | {
      readonly op: 'settle';
      readonly name: string;
      readonly entries: readonly TimelineEntry[];
      readonly floor?: bigint | undefined;
      readonly author: bigint;
      readonly token: number;
    }
  | { readonly op: 'delete' | 'begin'; readonly name: string }
  /** Of a post by the timeline's owner: it is counted, and what came with it is kept. */
  | { readonly op: 'posted'; readonly name: string; readonly terms: Buffer }
  /** Of all entries that have these bytes from a place on. Once applied, `again` runs. */
  | {
      readonly op: 'withdraw';
      readonly name: string;
      readonly at: number;
      readonly bytes: Buffer;
      readonly again?: SecondLook;
    }
  /** Of one entry, in place of older ones that have the same bytes from a place on. If there were any, `again` runs. */
  | {
      readonly op: 'supersede';
      readonly name: string;
      readonly at: number;
      readonly entry: TimelineEntry;
      readonly again?: SecondLook;
    };

/**
 * The job that looks again after a write that has taken entries away. Writes are applied in any order: what this one
 * went by may have changed since, and a write that put the entries back may have come first. A second look only adds.
 */
export type SecondLook = Pick<FollowUp, 'kind' | 'payload'>;

type SeveralOperation = 'store' | 'merge' | 'unmerge';

/*
 * A write in the journal, little-endian: u8 version · u8 operation · u16 bytes of the name or prefix · the name · then
 *   push, remove, retract: u16 bytes of the entry · the entry · the ids, 8 bytes each
 *   deliver, restore: f64 least reads · the same
 *   store, merge, unmerge: for each entry u16 bytes · the entry
 *   fill, complete: i64 floor, −1 for none · the same
 *   posted: what came with it
 *   settle: i64 floor · i64 author · u32 token · the same
 *   withdraw, supersede: u8 place · the bytes, or the entry
 *   withdrawAndLook, supersedeAndLook: u16 bytes of the second look's kind · the kind · u32 bytes of its payload · the
 *     payload · the same
 */
const version = 1;
const headerBytes = 4;
const noFloor = -1n;
const operations = [
  'push',
  'remove',
  'store',
  'merge',
  'unmerge',
  'delete',
  'begin',
  'complete',
  'withdraw',
  'fill',
  'supersede',
  'deliver',
  'restore',
  'settle',
  'posted',
  'retract',
  'withdrawAndLook',
  'supersedeAndLook',
] as const;

export function encodeTimelineWrite(write: TimelineWrite): Buffer {
  const name = Buffer.from('name' in write ? write.name : write.prefix);
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeUInt8(version, 0);
  const again = 'again' in write ? write.again : undefined;
  const op = again === undefined ? write.op : write.op === 'withdraw' ? 'withdrawAndLook' : 'supersedeAndLook';
  header.writeUInt8(operations.indexOf(op), 1);
  header.writeUInt16LE(name.length, 2);
  switch (write.op) {
    case 'push':
    case 'remove':
    case 'retract':
      return Buffer.concat([header, name, ...sized(write.entry), idBytes(write.ids)]);
    case 'deliver':
    case 'restore':
      return Buffer.concat([header, name, doubleBytes(write.least), ...sized(write.entry), idBytes(write.ids)]);
    case 'delete':
    case 'begin':
      return Buffer.concat([header, name]);
    case 'withdraw':
      return Buffer.concat([header, name, ...lookBytes(again), Buffer.from([write.at]), write.bytes]);
    case 'supersede':
      return Buffer.concat([header, name, ...lookBytes(again), Buffer.from([write.at]), write.entry]);
    case 'fill':
    case 'complete':
      return Buffer.concat([header, name, keyBytes(write.floor ?? noFloor), ...write.entries.flatMap(sized)]);
    case 'posted':
      return Buffer.concat([header, name, write.terms]);
    case 'settle': {
      const token = Buffer.allocUnsafe(4);
      token.writeUInt32LE(write.token);
      const author = keyBytes(write.author);
      const floor = keyBytes(write.floor ?? noFloor);
      return Buffer.concat([header, name, floor, author, token, ...write.entries.flatMap(sized)]);
    }
    default:
      return Buffer.concat([header, name, ...write.entries.flatMap(sized)]);
  }
}

/** The job of a write. */
export const writeOf = (write: TimelineWrite): Pick<FollowUp, 'kind' | 'payload'> => ({
  kind: timelineJobKind,
  payload: encodeTimelineWrite(write),
});

/** Throws `DataLoss` for bytes that are no such payload, and `UnknownJob` for a later version. */
export function decodeTimelineWrite(payload: Buffer): TimelineWrite {
  requirePayloadVersion(timelineJobKind, payload[0], version);
  if (payload.length < headerBytes) throw malformed(payload);
  const op = operations[payload.readUInt8(1)];
  if (op === undefined) throw malformed(payload);
  let at = headerBytes;
  const take = (bytes: number): Buffer => {
    if (at + bytes > payload.length) throw malformed(payload);
    return payload.subarray(at, (at += bytes));
  };
  const takeEntry = (): TimelineEntry => take(take(2).readUInt16LE(0));
  const name = take(payload.readUInt16LE(2)).toString();
  if (op === 'posted') return { op, name, terms: payload.subarray(at) };
  if (op === 'delete' || op === 'begin') {
    if (at !== payload.length) throw malformed(payload);
    return { op, name };
  }
  if (op === 'withdraw' || op === 'supersede' || op === 'withdrawAndLook' || op === 'supersedeAndLook') {
    const looks = op === 'withdrawAndLook' || op === 'supersedeAndLook';
    const again = looks
      ? { kind: take(take(2).readUInt16LE(0)).toString(), payload: take(take(4).readUInt32LE(0)) }
      : undefined;
    const to = { name, at: take(1).readUInt8(0), ...(again && { again }) };
    const bytes = take(payload.length - at);
    if (bytes.length === 0) throw malformed(payload);
    return op === 'withdraw' || op === 'withdrawAndLook'
      ? { op: 'withdraw', ...to, bytes }
      : { op: 'supersede', ...to, entry: bytes };
  }
  if (op === 'push' || op === 'remove' || op === 'retract' || op === 'deliver' || op === 'restore') {
    const least = op === 'deliver' || op === 'restore' ? take(8).readDoubleLE(0) : 0;
    const entry = takeEntry();
    const rest = payload.subarray(at);
    if (rest.length % 8 !== 0) throw malformed(payload);
    const ids = new BigInt64Array(rest.length / 8);
    for (let i = 0; i < ids.length; i++) ids[i] = rest.readBigInt64LE(i * 8);
    return op === 'deliver' || op === 'restore'
      ? { op, prefix: name, entry, ids, least }
      : { op, prefix: name, entry, ids };
  }
  const floor = op === 'fill' || op === 'complete' || op === 'settle' ? take(8).readBigInt64LE(0) : noFloor;
  const settled = op === 'settle' ? take(12) : undefined;
  const entries: TimelineEntry[] = [];
  while (at < payload.length) entries.push(takeEntry());
  if (op === 'store' || op === 'merge' || op === 'unmerge') return { op, name, entries };
  const filled = { name, entries, ...(floor !== noFloor && { floor }) };
  if (op !== 'settle') return { op, ...filled };
  return { op, ...filled, author: settled!.readBigInt64LE(0), token: settled!.readUInt32LE(8) };
}

function lookBytes(again: SecondLook | undefined): Buffer[] {
  if (again === undefined) return [];
  const kind = Buffer.from(again.kind);
  const lengths = Buffer.allocUnsafe(6);
  lengths.writeUInt16LE(kind.length, 0);
  lengths.writeUInt32LE(again.payload.length, 2);
  return [lengths.subarray(0, 2), kind, lengths.subarray(2), again.payload];
}

function sized(entry: TimelineEntry): Buffer[] {
  const length = Buffer.allocUnsafe(2);
  length.writeUInt16LE(entry.length, 0);
  return [length, entry];
}

function idBytes(ids: BigInt64Array): Buffer {
  const bytes = Buffer.allocUnsafe(ids.length * 8);
  for (let i = 0; i < ids.length; i++) bytes.writeBigInt64LE(ids[i]!, i * 8);
  return bytes;
}

function doubleBytes(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

const malformed = (payload: Buffer): RoostError =>
  new RoostError('DataLoss', `a job of timelines with ${payload.length} bytes cannot be read`);
