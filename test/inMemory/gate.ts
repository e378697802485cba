/** Holds all waiters until a caller opens it. */
export class Gate {
  readonly #opened: Promise<void>;
  #open: () => void = () => undefined;
  #arrived: (() => void)[] = [];
  /** The number of callers that have come to the gate. */
  waiting = 0;

  constructor() {
    this.#opened = new Promise((resolve) => (this.#open = resolve));
  }

  open(): void {
    this.#open();
  }

  async pass(): Promise<void> {
    this.waiting++;
    for (const wake of this.#arrived.splice(0)) wake();
    await this.#opened;
  }

  /** Resolves once `count` callers have come. */
  async hasHeld(count: number): Promise<void> {
    while (this.waiting < count) await new Promise<void>((resolve) => this.#arrived.push(resolve));
  }
}
