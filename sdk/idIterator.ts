/**
 * Walks pages id by id. Written out rather than as a generator, which would cost several times as much an id.
 * As with a generator, a call of `next` waits for the one before it.
 */
export class IdIterator implements AsyncIterator<bigint, void, undefined> {
  #page: BigInt64Array = new BigInt64Array(0);
  #next = 0;
  #turning: Promise<void> | undefined;

  constructor(private readonly pages: AsyncGenerator<BigInt64Array, void, undefined>) {}

  next(): Promise<IteratorResult<bigint, void>> {
    if (this.#turning === undefined && this.#next < this.#page.length) return Promise.resolve({ done: false, value: this.#page[this.#next++]! });
    const turn = (this.#turning ?? Promise.resolve()).then(() => this.#turnPage());
    const turning: Promise<void> = turn
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        if (this.#turning === turning) this.#turning = undefined;
      });
    this.#turning = turning;
    return turn;
  }

  async return(): Promise<IteratorResult<bigint, void>> {
    await this.pages.return();
    return { done: true, value: undefined };
  }

  async #turnPage(): Promise<IteratorResult<bigint, void>> {
    while (this.#next >= this.#page.length) {
      const { done, value } = await this.pages.next();
      if (done === true) return { done: true, value: undefined };
      this.#page = value;
      this.#next = 0;
    }
    return { done: false, value: this.#page[this.#next++]! };
  }
}
