import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const idBytes = 5;
const secretBytes = 32;
const pattern = /^roost_([a-z2-7]{8})_[A-Za-z0-9_-]{43}$/;

/** The record of a token. */
export interface TokenRecord {
  /** Public: names the token in lists and logs. */
  readonly id: string;
  /** SHA-256 of the token's text, in hexadecimal. */
  readonly sha256: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** Creates a token: 256 random bits after its id. Its text is stored nowhere. */
export function newToken(now = new Date()): { readonly text: string; readonly record: TokenRecord } {
  const id = base32(randomBytes(idBytes));
  const text = `roost_${id}_${randomBytes(secretBytes).toString('base64url')}`;
  return { text, record: { id, sha256: digestOf(text).toString('hex'), createdAt: now.toISOString() } };
}

/** The id in a token's text; undefined if it is no token. */
export const tokenIdOf = (text: string): string | undefined => pattern.exec(text)?.[1];

/** Whether a record belongs to the token, in constant time. */
export const isTokenOf = (text: string, { sha256 }: Pick<TokenRecord, 'sha256'>): boolean =>
  timingSafeEqual(digestOf(text), Buffer.from(sha256, 'hex'));

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

const letters = 'abcdefghijklmnopqrstuvwxyz234567';

/** Of 5 bytes. */
function base32(bytes: Buffer): string {
  const value = bytes.readUIntBE(0, idBytes);
  return Array.from({ length: 8 }, (_, place) => letters[Math.floor(value / 32 ** (7 - place)) % 32]).join('');
}
