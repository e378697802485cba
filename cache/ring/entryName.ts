import { createHash } from 'node:crypto';

/** The longest name of an entry: memcached's limit for a key. */
const maxNameBytes = 250;
const plain = /^[\x21-\x7e]*$/;

/**
 * The name under which an entry is stored. A name that is too long, or has characters that memcached does not accept,
 * is replaced by its digest.
 */
export function entryName(prefix: string, key: string): string {
  if (prefix.length + key.length <= maxNameBytes && plain.test(key)) return prefix + key;
  return `${prefix}#${createHash('sha256').update(key).digest('base64url')}`;
}
