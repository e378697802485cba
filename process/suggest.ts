import { distance } from 'fastest-levenshtein';

/** The known word that a mistyped one probably meant; undefined if none is near. Case, `_` and `-` are ignored. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[_-]/g, '');
  const wanted = plain(word);
  const [best] = known
    .map((candidate) => ({ candidate, edits: distance(wanted, plain(candidate)) }))
    .sort((a, b) => a.edits - b.edits);
  return best !== undefined && best.edits <= Math.max(2, Math.floor(wanted.length / 3)) ? best.candidate : undefined;
}
