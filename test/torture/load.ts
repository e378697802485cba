import { setTimeout as sleep } from 'node:timers/promises';
import { isRoostError } from '../../core/index.js';
import type { Acknowledgment } from '../../wire/index.js';
import type { Roost } from '../../sdk/index.js';
import type { Change, History, Read, Write } from './history.js';
import { operations, type OperationKind } from './operations/index.js';
import type { RoundIds } from './roundIds.js';

export interface LoadClient {
  readonly name: string;
  readonly roost: Roost;
}

export interface LoadTweet {
  readonly author: bigint;
  readonly text: string;
  readonly replyToTweetId?: bigint;
  readonly retweetOfId?: bigint;
  readonly mentions?: readonly bigint[];
}

/** Options of a write, as clients take them. */
interface OnWire {
  readonly deadlineMs: number;
  readonly acknowledgment: Acknowledgment;
}

/**
 * A server's answer may take this long to become known here, and the journal's clock is known only to this precision.
 */
const slackMs = 500;

/** Clients that write and read the same few things at once, and record every answer. */
export class Load {
  readonly madeIds: bigint[] = [];
  readonly tweets = new Map<bigint, LoadTweet>();
  readonly oddErrors: string[] = [];
  readonly errors = new Map<string, number>();
  readonly #kinds: readonly OperationKind[];
  #stopped = false;
  #running: Promise<void>[] = [];
  #counter = 0;

  constructor(
    private readonly clients: readonly LoadClient[],
    readonly history: History,
    readonly ids: RoundIds,
    readonly random: (below: number) => number,
    kinds: readonly OperationKind[],
    /** How much later than its deadline the journal may accept a write, because of a fault of its clock. */
    private readonly lateMs: number,
  ) {
    this.#kinds = kinds.flatMap((kind) => new Array<OperationKind>(operations[kind].weight).fill(kind));
  }

  start(lanes: number): void {
    this.#running = this.clients.flatMap((client) => Array.from({ length: lanes }, () => this.#lane(client)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async #lane(client: LoadClient): Promise<void> {
    while (!this.#stopped) {
      try {
        await operations[this.one(this.#kinds)].step(this, client);
      } catch (error) {
        if (!isRoostError(error)) this.oddErrors.push(error instanceof Error ? error.stack! : String(error));
      }
      await sleep(5 + this.random(60));
    }
  }

  one<T>(list: readonly T[]): T {
    return list[this.random(list.length)]!;
  }

  /** Returns a number that no other call gets. */
  nextNumber(): number {
    return ++this.#counter;
  }

  /**
   * Makes changes in one call, which takes effect for all or for none, and records the outcome.
   *
   * @param ofWhatIsThere see `Write`
   */
  async write(
    client: LoadClient,
    changes: readonly Change[],
    call: (options: OnWire) => Promise<unknown>,
    ofWhatIsThere = false,
  ): Promise<void> {
    const acknowledgment: Acknowledgment = this.random(2) === 0 ? 'materialized' : 'journaled';
    const deadlineMs = 1_000 + this.random(5_000);
    const invokedMs = performance.now();
    const writes = changes.map((change): Write => ({
      ...change,
      acknowledgment,
      client: client.name,
      invokedMs,
      answeredMs: Infinity,
      outcome: 'unknown',
      latestMs: invokedMs + deadlineMs + slackMs + this.lateMs,
      ...(ofWhatIsThere ? { ofWhatIsThere } : {}),
    }));
    for (const write of writes) this.history.begin(write);
    const note = (outcome: Write['outcome'], error?: string): void => {
      const answeredMs = performance.now();
      for (const write of writes) {
        Object.assign(write, { outcome, answeredMs }, error === undefined ? {} : { error });
        if (outcome === 'ok' || outcome === 'journaled') write.latestMs = answeredMs;
      }
    };
    try {
      await call({ deadlineMs, acknowledgment });
      note('ok');
    } catch (error) {
      if (!isRoostError(error)) throw error;
      const { journaled, outcome } = error.fields;
      const known = journaled === 'true' ? 'journaled' : outcome === 'unknown' ? 'unknown' : 'failed';
      note(known, `${error.code}: ${error.message}`);
      this.#count(`${known} ${error.code}: ${error.message}`);
    }
  }

  /** Reads registers, or a part of them, in one call, and records what was seen. */
  async read(
    client: LoadClient,
    call: () => Promise<readonly Pick<Read, 'register' | 'value' | 'matches'>[]>,
  ): Promise<void> {
    const [seen, asked] = await this.ask(client, call);
    for (const one of seen) this.history.reads.push({ ...one, ...asked });
  }

  /** Returns the answer, the client that got it, and the time. */
  async ask<T>(
    client: LoadClient,
    call: () => Promise<T>,
  ): Promise<[T, { readonly client: string; readonly invokedMs: number; readonly answeredMs: number }]> {
    const invokedMs = performance.now();
    try {
      const answer = await call();
      return [answer, { client: client.name, invokedMs, answeredMs: performance.now() }];
    } catch (error) {
      if (isRoostError(error)) this.#count(`read ${error.code}: ${error.message}`);
      throw error;
    }
  }

  /** Errors that differ only in numbers count as one kind. */
  #count(text: string): void {
    const kind = text.replace(/\d+/g, '#').slice(0, 260);
    this.errors.set(kind, (this.errors.get(kind) ?? 0) + 1);
  }
}
