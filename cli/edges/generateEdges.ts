/** A small generator of 32-bit numbers (xorshift32, Marsaglia 2003); the same seed gives the same numbers everywhere. */
function* randomWords(seed: number): Generator<number, never> {
  // Xorshift never leaves the state 0; the multiplication spreads small seeds.
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

export interface GeneratedGraph {
  readonly edgeCount: number;
  readonly userCount: number;
  readonly seed: number;
}

/**
 * The lines of an edge list in which few users have most of the followers: the user of rank r has about r^(−3/4) of them, which is the
 * inverse of a uniform number to the fourth power. Edges are distinct and no user follows themselves.
 */
export function* generateEdges({ edgeCount, userCount, seed }: GeneratedGraph): Generator<string> {
  const words = randomWords(seed);
  const uniform = () => words.next().value / 2 ** 32;
  const seen = new Set<number>();
  while (seen.size < edgeCount) {
    const source = Math.floor(uniform() * userCount);
    const destination = Math.floor(uniform() ** 4 * userCount);
    const pair = source * userCount + destination;
    if (source === destination || seen.has(pair)) continue;
    seen.add(pair);
    yield `${source + 1} ${destination + 1}\n`;
  }
}
