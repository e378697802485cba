import type { JournalPlace } from '../gizzard/index.js';

/** The digits of numbers in names. Names then sort in the order of their numbers. */
const digits = 16;

export const padded = (number: number | bigint): string => String(number).padStart(digits, '0');

/** Consecutive jobs of an epoch, in one object. */
export interface JournalSegment {
  readonly name: string;
  readonly bytes: number;
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
  /** The latest time of its jobs, in microseconds. */
  readonly untilMicros: bigint;
}

export const segmentPath = (epoch: string, first: number, last: number, untilMicros: bigint): string =>
  `journal/${epoch}/${padded(first)}-${padded(last)}-${padded(untilMicros)}`;

const segmentPattern = /^journal\/([0-9a-f]+)\/(\d{16})-(\d{16})-(\d{16})-[0-9a-f]{64}\.gz$/;

export function segmentOf({
  name,
  bytes,
}: {
  readonly name: string;
  readonly bytes: number;
}): JournalSegment | undefined {
  const [, epoch, first, last, until] = segmentPattern.exec(name) ?? [];
  return epoch === undefined
    ? undefined
    : { name, bytes, epoch, first: Number(first), last: Number(last), untilMicros: BigInt(until!) };
}

/** An object that tells of a place in the journal. */
export interface PlacedObject extends JournalPlace {
  readonly name: string;
  readonly bytes: number;
}

/** `catalogs`: the state of the cluster at a place. `marks`: the place up to which segments were written. */
export type PlacedKind = 'catalogs' | 'marks';

export const placedPath = (kind: PlacedKind, { epoch, accepted, micros }: JournalPlace): string =>
  `${kind}/${epoch}/${padded(accepted)}-${padded(micros)}`;

const placedPattern = /^(catalogs|marks)\/([0-9a-f]+)\/(\d{16})-(\d{16})-[0-9a-f]{64}\.(?:gz|json)$/;

export function placedOf(
  kind: PlacedKind,
  { name, bytes }: { readonly name: string; readonly bytes: number },
): PlacedObject | undefined {
  const [, found, epoch, accepted, micros] = placedPattern.exec(name) ?? [];
  return found !== kind
    ? undefined
    : { name, bytes, epoch: epoch!, accepted: Number(accepted), micros: BigInt(micros!) };
}

/** A time of the journal as ISO 8601 text, in whole milliseconds. */
export const timeText = (micros: bigint): string => new Date(Number(micros / 1_000n)).toISOString();
