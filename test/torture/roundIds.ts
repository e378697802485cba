/** The counts are small, so that clients meet on the same ids. */
const counts = {
  sources: 3,
  destinations: 4,
  users: 4,
  authors: 2,
  readers: 2,
  suspended: 1,
  fans: 2,
  commenters: 2,
} as const;

/** The ids of a round, which no other round touches. */
export class RoundIds {
  constructor(private readonly base: bigint) {}

  readonly sources = (): bigint[] => this.#some(counts.sources, 100n);
  readonly destinations = (): bigint[] => this.#some(counts.destinations, 200n);
  readonly users = (): bigint[] => this.#some(counts.users, 300n);
  readonly authors = (): bigint[] => this.#some(counts.authors, 400n);
  /** Users who follow authors, and read the authors' tweets. */
  readonly readers = (): bigint[] => this.#some(counts.readers, 500n);
  /** Nodes whose edges are all hidden and shown again at once. */
  readonly suspended = (): bigint[] => this.#some(counts.suspended, 600n);
  /** Users who mark tweets of authors as favorites. */
  readonly fans = (): bigint[] => this.#some(counts.fans, 700n);
  /** Users who reply to authors' tweets and retweet them, and who name readers. Nobody follows these users. */
  readonly commenters = (): bigint[] => this.#some(counts.commenters, 800n);

  /** All edges of `follows` that are written, by their ends. */
  pairs(): (readonly [source: bigint, destination: bigint])[] {
    const all = (from: bigint[], to: bigint[]) => from.flatMap((one) => to.map((other) => [one, other] as const));
    return [
      ...all([...this.sources(), ...this.suspended()], this.destinations()),
      ...all(this.readers(), this.authors()),
    ];
  }

  #some(count: number, from: bigint): bigint[] {
    return Array.from({ length: count }, (_, i) => this.base + from + BigInt(i));
  }
}
