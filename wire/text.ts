import { RoostError } from '../core/index.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Throws `InvalidArgument` for malformed UTF-8. */
export function textFrom(bytes: Uint8Array, name: string): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new RoostError('InvalidArgument', `${name} is not well-formed UTF-8`, { cause, fields: { argument: name } });
  }
}

/** Throws `InvalidArgument` for an unpaired surrogate, which UTF-8 cannot express. */
export function textToThrift(text: string, name: string): Buffer {
  if (/\p{Surrogate}/u.test(text))
    throw new RoostError('InvalidArgument', `${name} holds half of a surrogate pair, which is no character`, {
      fields: { argument: name },
    });
  return Buffer.from(text);
}
