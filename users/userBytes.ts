import { RoostError, type Micros } from '../core/index.js';
import type { JobTimes } from '../gizzard/index.js';
import type { UserChange } from '../wire/index.js';
import { writeOf, type UserRecord } from './user.js';

/**
 * A user in the journal and in the cache, little-endian:
 * i64 id · i64 times of the name, the screen name, the flags, and existence · u32 flags · u8 exists · u8 bytes of the
 * name ·
 * u8 bytes of the screen name · name · screen name
 */
const flagsAt = 8 + 4 * 8;
const fixedBytes = flagsAt + 4 + 3;

export function encodeUser({ id, name, screenName, flags, exists }: UserRecord): Buffer {
  const nameBytes = Buffer.byteLength(name.value);
  const bytes = Buffer.allocUnsafe(fixedBytes + nameBytes + screenName.value.length);
  let at = bytes.writeBigInt64LE(id);
  for (const register of [name, screenName, flags, exists]) at = bytes.writeBigInt64LE(register.at, at);
  at = bytes.writeUInt32LE(flags.value, at);
  at = bytes.writeUInt8(exists.value ? 1 : 0, at);
  at = bytes.writeUInt8(nameBytes, at);
  at = bytes.writeUInt8(screenName.value.length, at);
  at += bytes.write(name.value, at);
  bytes.write(screenName.value, at, 'latin1');
  return bytes;
}

export type UserWrite = UserChange & { readonly exists?: boolean };

/** Writes as a job, at `time`. Absent: at the time of acceptance by the journal. */
export function userWrites(
  writes: readonly UserWrite[],
  time: Micros | undefined,
): { readonly payload: Buffer; readonly times?: JobTimes } {
  // A time above `never` marks the written registers; the journal replaces it.
  const users = writes.map((write) => writeOf(write, time ?? 1n));
  const parts = users.map(encodeUser);
  const payload = Buffer.concat(parts);
  if (time !== undefined) return { payload };
  const offsets: number[] = [];
  let start = 0;
  for (const [i, { name, screenName, flags, exists }] of users.entries()) {
    for (const [register, { at }] of [name, screenName, flags, exists].entries())
      if (at > 0n) offsets.push(start + 8 + 8 * register);
    start += parts[i]!.length;
  }
  return { payload, times: { count: 1, offsets } };
}

/** Several users in sequence. Throws `DataLoss` if the bytes are not whole users. */
export function decodeUsers(bytes: Buffer): UserRecord[] {
  const users: UserRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + fixedBytes > bytes.length) throw new RoostError('DataLoss', 'the bytes of a user are truncated');
    const nameAt = at + fixedBytes;
    const screenNameAt = nameAt + bytes.readUInt8(at + flagsAt + 5);
    const end = screenNameAt + bytes.readUInt8(at + flagsAt + 6);
    if (end > bytes.length) throw new RoostError('DataLoss', 'the bytes of a user are truncated');
    users.push({
      id: bytes.readBigInt64LE(at),
      name: { value: bytes.toString('utf8', nameAt, screenNameAt), at: bytes.readBigInt64LE(at + 8) },
      screenName: { value: bytes.toString('latin1', screenNameAt, end), at: bytes.readBigInt64LE(at + 16) },
      flags: { value: bytes.readUInt32LE(at + flagsAt), at: bytes.readBigInt64LE(at + 24) },
      exists: { value: bytes.readUInt8(at + flagsAt + 4) === 1, at: bytes.readBigInt64LE(at + 32) },
    });
    at = end;
  }
  return users;
}
