import memjs from 'memjs';

/** Gets of single keys, sent back to back without waiting, as a user of memjs would do it. */
export class RawMemjs {
  readonly #client: memjs.Client;

  constructor(nodes: readonly string[]) {
    this.#client = memjs.Client.create(nodes.join(','), { timeout: 5 });
  }

  async set(values: ReadonlyMap<string, Buffer>): Promise<void> {
    for (const [key, value] of values) await this.#client.set(key, value, {});
  }

  get(keys: readonly string[]): Promise<(Buffer | null)[]> {
    return Promise.all(
      keys.map(
        (key) =>
          new Promise<Buffer | null>((resolve, reject) => {
            this.#client.get(key, (error, value) => (error === null ? resolve(value) : reject(error)));
          }),
      ),
    );
  }

  close(): void {
    this.#client.close();
  }
}
