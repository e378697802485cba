import { limits, RoostError } from '../core/index.js';
import { checkEntries } from './edgeColumns.js';
import type { TBirdTypes } from './generated.js';

type Fields = Required<ConstructorParameters<typeof TBirdTypes.Fragments>[0] & object>;

/** A tweet's fragment with the longest text, each character of it escaped, and the longest extra. */
export const mostFragmentBytes = limits.tweetCharacters * 6 + limits.tweetExtraBytes + 256;

/** Undefined: there is none. */
export function fragmentsToThrift(fragments: readonly (Uint8Array | undefined)[]): Fields {
  const lengths = Buffer.allocUnsafe(fragments.length * 4);
  const there: Uint8Array[] = [];
  for (let i = 0; i < fragments.length; i++) {
    const fragment = fragments[i];
    lengths.writeUInt32LE(fragment?.length ?? 0, i * 4);
    if (fragment !== undefined) there.push(fragment);
  }
  return { lengths, fragments: Buffer.concat(there) };
}

/** The fragments share the message's memory. Throws `DataLoss` where the answer does not hold what its lengths say, or not `count` entries where that is given. */
export function fragmentsFromThrift(
  { lengths, fragments }: TBirdTypes.Fragments,
  count = lengths.length / 4,
): (Buffer | undefined)[] {
  checkEntries(lengths.length / 4, Math.floor(count));
  let at = 0;
  const found = Array.from({ length: count }, (_, i) => {
    const length = lengths.readUInt32LE(i * 4);
    at += length;
    return length === 0 ? undefined : fragments.subarray(at - length, at);
  });
  if (at !== fragments.length)
    throw new RoostError('DataLoss', `the answer holds ${fragments.length} bytes of fragments where it says ${at}`);
  return found;
}
