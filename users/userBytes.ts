import { RoostError } from '../core/index.js';
import type { UserRecord } from './user.js';

/*
 * A user in the journal and in the cache, little-endian:
 *   i64 id · i64 updated at · u32 flags · u8 removed · u8 bytes of the name · u8 bytes of the screen name · name · screen name
 */
const fixedBytes = 8 + 8 + 4 + 3;

export function encodeUser({ id, updatedAt, flags, removed, name, screenName }: UserRecord): Buffer {
  const nameBytes = Buffer.byteLength(name);
  const bytes = Buffer.allocUnsafe(fixedBytes + nameBytes + screenName.length);
  let at = bytes.writeBigInt64LE(id);
  at = bytes.writeBigInt64LE(updatedAt, at);
  at = bytes.writeUInt32LE(flags, at);
  at = bytes.writeUInt8(removed ? 1 : 0, at);
  at = bytes.writeUInt8(nameBytes, at);
  at = bytes.writeUInt8(screenName.length, at);
  at += bytes.write(name, at);
  bytes.write(screenName, at, 'latin1');
  return bytes;
}

/** Several, one behind the other. Throws `DataLoss` where the bytes are not whole users. */
export function decodeUsers(bytes: Buffer): UserRecord[] {
  const users: UserRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + fixedBytes > bytes.length) throw new RoostError('DataLoss', 'a user is cut off');
    const nameAt = at + fixedBytes;
    const screenNameAt = nameAt + bytes.readUInt8(at + 21);
    const end = screenNameAt + bytes.readUInt8(at + 22);
    if (end > bytes.length) throw new RoostError('DataLoss', 'a user is cut off');
    users.push({
      id: bytes.readBigInt64LE(at),
      updatedAt: bytes.readBigInt64LE(at + 8),
      flags: bytes.readUInt32LE(at + 16),
      removed: bytes.readUInt8(at + 20) === 1,
      name: bytes.toString('utf8', nameAt, screenNameAt),
      screenName: bytes.toString('latin1', screenNameAt, end),
    });
    at = end;
  }
  return users;
}

/** The later of two writes; at the same time the greater in its bytes, so that every order of writes ends the same. */
export function mergeUsers(a: UserRecord, b: UserRecord): UserRecord {
  if (a.updatedAt !== b.updatedAt) return a.updatedAt > b.updatedAt ? a : b;
  return Buffer.compare(encodeUser(a), encodeUser(b)) >= 0 ? a : b;
}
