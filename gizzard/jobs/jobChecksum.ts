import { crc32 } from 'node:zlib';
import { RoostError } from '../../core/index.js';

/**
 * The checksum of a journal entry follows the fields of its job: `sum`, a CRC-32 in hexadecimal over their names and
 * values. Redis writes times into payloads and has no CRC: these bytes count as zeros, their places follow in `sum`
 * after a blank, and `time` repeats the time written there.
 */

const none = Buffer.alloc(0);
const zeros = Buffer.alloc(16);

/** The names and values of a job's fields, with the payload apart. */
interface Summed {
  readonly head: string;
  readonly payload: Buffer | undefined;
}

/** Adds a field to the summed text; without a value for the payload. */
export const headField = (name: string, value?: string): string =>
  value === undefined ? `${name}\0` : `${name}\0${value}\0`;

/**
 * The checksum fields of an entry. With `places`, such as `i0,12` for 8 bytes each and `d7` for 16 digits, the last
 * value is the time; whoever writes it into the payload fills it in.
 */
export function checksumFields(summed: Summed, places: string | undefined): string[] {
  const sum = checksumOf(summed, places ?? '');
  return places === undefined ? ['sum', sum] : ['sum', `${sum} ${places}`, 'time', ''];
}

/** Throws `DataLoss` if fields are not as they were written. `sum` and `time` are the entry's. */
export function verifyChecksum(summed: Summed, sum: string, time = ''): void {
  const blank = sum.indexOf(' ');
  const wanted = blank < 0 ? sum : sum.slice(0, blank);
  const places = blank < 0 ? '' : sum.slice(blank + 1);
  const found = checksumOf(summed, places);
  if (found !== wanted) throw damaged(`its checksum is ${JSON.stringify(wanted)}, and its contents have ${found}`);
  for (const place of placesIn(places)) {
    const written = timeAt(summed.payload ?? none, place, places);
    if (written !== time) throw damaged(`its time is ${written}, and ${JSON.stringify(time)} was given`);
  }
}

function checksumOf({ head, payload = none }: Summed, places: string): string {
  let sum = crc32(places === '' ? head : head + places);
  let from = 0;
  const width = widthOf(places);
  for (const place of placesIn(places)) {
    sum = crc32(zeros.subarray(0, width), crc32(payload.subarray(from, place), sum));
    from = place + width;
  }
  return crc32(from === 0 ? payload : payload.subarray(from), sum).toString(16);
}

const widthOf = (places: string): number => (places.startsWith('d') ? 16 : 8);
const placesIn = (places: string): readonly number[] =>
  places.length < 2 ? [] : places.slice(1).split(',').map(Number);

function timeAt(payload: Buffer, place: number, places: string): string {
  if (place + widthOf(places) > payload.length) return 'none';
  return places.startsWith('d')
    ? String(Number(payload.toString('latin1', place, place + 16)))
    : String(payload.readBigInt64LE(place));
}

const damaged = (why: string): RoostError =>
  new RoostError('DataLoss', `the job is damaged and was not applied: ${why}`);
