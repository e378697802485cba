import { setTimeout as sleep } from 'node:timers/promises';
import { isRoostError } from '../../core/index.js';
import type { Acknowledgment } from '../../wire/index.js';
import type { Graph, Roost } from '../../sdk/index.js';
import { absent, type History, type Write } from './history.js';

export interface LoadClient {
  readonly name: string;
  readonly roost: Roost;
}

/** Few enough that clients meet on them. */
const sources = 3;
const destinations = 4;
const users = 4;
const authors = 2;
/** A server's answer may take that long to become known here, and the journal's clock is known no better. */
const slackMs = 500;
const operations = ['add', 'add', 'add', 'negate', 'archive', 'remove'] as const;

/** The ids of a round, which no other round touches. */
export class RoundIds {
  constructor(private readonly base: bigint) {}

  readonly sources = (): bigint[] => this.#some(sources, 100n);
  readonly destinations = (): bigint[] => this.#some(destinations, 200n);
  readonly users = (): bigint[] => this.#some(users, 300n);
  readonly authors = (): bigint[] => this.#some(authors, 400n);

  #some(count: number, from: bigint): bigint[] {
    return Array.from({ length: count }, (_, i) => this.base + from + BigInt(i));
  }
}

export const edgeValue = (edge: { readonly state: string; readonly position: bigint } | undefined): string =>
  edge === undefined
    ? absent
    : edge.state === 'normal' || edge.state === 'negative'
      ? `${edge.state}@${edge.position}`
      : edge.state;

/** Clients that write and read the same few things at once, and note what they were told. */
export class Load {
  readonly madeIds: bigint[] = [];
  readonly tweets = new Map<bigint, { readonly author: bigint; readonly text: string }>();
  readonly oddErrors: string[] = [];
  readonly errors = new Map<string, number>();
  #stopped = false;
  #running: Promise<void>[] = [];
  #counter = 0;

  constructor(
    private readonly clients: readonly LoadClient[],
    readonly history: History,
    readonly ids: RoundIds,
    private readonly random: (below: number) => number,
  ) {}

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
        await this.#step(client);
      } catch (error) {
        if (!isRoostError(error)) this.oddErrors.push(String(error));
      }
      await sleep(5 + this.random(60));
    }
  }

  async #step(client: LoadClient): Promise<void> {
    const drawn = this.random(100);
    if (drawn < 25) return this.#writeEdge(client);
    if (drawn < 50) return this.#readEdge(client);
    if (drawn < 60) return this.#writeUser(client);
    if (drawn < 72) return this.#readUser(client);
    if (drawn < 80) return this.#createTweet(client);
    if (drawn < 87) return this.#changeTweet(client);
    return this.#readTweet(client);
  }

  async #writeEdge(client: LoadClient): Promise<void> {
    const [source, destination] = [this.#one(this.ids.sources()), this.#one(this.ids.destinations())];
    const operation = this.#one(operations);
    const position = BigInt(++this.#counter);
    const value = { add: `normal@${position}`, negate: `negative@${position}`, archive: 'archived', remove: 'removed' }[
      operation
    ];
    const placed = operation === 'add' || operation === 'negate';
    const register = `edge ${source} ${destination}`;
    await this.#write(client, register, value, async (options) =>
      (await this.#graph(client))[operation](source, destination, placed ? { ...options, position } : options),
    );
    if (this.random(2) === 0)
      await this.#read(client, register, async () =>
        edgeValue(await (await this.#graph(client)).get(source, destination)),
      );
  }

  async #readEdge(client: LoadClient): Promise<void> {
    const [source, destination] = [this.#one(this.ids.sources()), this.#one(this.ids.destinations())];
    await this.#read(client, `edge ${source} ${destination}`, async () =>
      edgeValue(await (await this.#graph(client)).get(source, destination)),
    );
  }

  async #writeUser(client: LoadClient): Promise<void> {
    const id = this.#one(this.ids.users());
    const name = `name ${++this.#counter}`;
    await this.#write(client, `user ${id}`, name, (options) =>
      client.roost.users.put({ id, name, screenName: 'one' }, options),
    );
    if (this.random(2) === 0)
      await this.#read(client, `user ${id}`, async () => (await client.roost.users.get(id))?.name ?? absent);
  }

  async #readUser(client: LoadClient): Promise<void> {
    const id = this.#one(this.ids.users());
    await this.#read(client, `user ${id}`, async () => (await client.roost.users.get(id))?.name ?? absent);
  }

  async #createTweet(client: LoadClient): Promise<void> {
    const [id] = await client.roost.tweets.reserveIds(1, { deadlineMs: 3_000 });
    this.madeIds.push(id!);
    const tweet = { author: this.#one(this.ids.authors()), text: `tweet ${id}` };
    this.tweets.set(id!, tweet);
    await this.#write(
      client,
      `tweet ${id}`,
      tweet.text,
      async (options) =>
        void (await client.roost.tweets.create({ id: id!, userId: tweet.author, text: tweet.text }, options)),
    );
    if (this.random(2) === 0) await this.#readTweetOf(client, id!);
  }

  async #changeTweet(client: LoadClient): Promise<void> {
    const created = [...this.tweets.keys()].filter((id) => this.history.of(`tweet ${id}`)[0]?.outcome === 'ok');
    if (created.length === 0) return;
    const id = this.#one(created);
    const undo = this.random(2) === 0;
    await this.#write(client, `tweet ${id}`, undo ? this.tweets.get(id)!.text : absent, (options) =>
      client.roost.tweets[undo ? 'undelete' : 'delete'](id, options),
    );
    if (this.random(2) === 0) await this.#readTweetOf(client, id);
  }

  async #readTweet(client: LoadClient): Promise<void> {
    if (this.tweets.size > 0) await this.#readTweetOf(client, this.#one([...this.tweets.keys()]));
  }

  async #readTweetOf(client: LoadClient, id: bigint): Promise<void> {
    await this.#read(client, `tweet ${id}`, async () => (await client.roost.tweets.get(id))?.text ?? absent);
  }

  async #write(
    client: LoadClient,
    register: string,
    value: string,
    call: (options: { readonly deadlineMs: number; readonly acknowledgment: Acknowledgment }) => Promise<unknown>,
  ): Promise<void> {
    const acknowledgment: Acknowledgment = this.random(2) === 0 ? 'materialized' : 'journaled';
    const deadlineMs = 1_000 + this.random(5_000);
    const invokedMs = performance.now();
    const write: Write = {
      register,
      value,
      acknowledgment,
      client: client.name,
      invokedMs,
      answeredMs: Infinity,
      outcome: 'unknown',
      latestMs: invokedMs + deadlineMs + slackMs,
    };
    this.history.begin(write);
    try {
      await call({ deadlineMs, acknowledgment });
      write.outcome = 'ok';
    } catch (error) {
      if (!isRoostError(error)) throw error;
      write.error = `${error.code}: ${error.message}`;
      const { journaled, outcome } = error.fields;
      write.outcome = journaled === 'true' ? 'journaled' : outcome === 'unknown' ? 'unknown' : 'failed';
      this.#count(`${write.outcome} ${error.code}: ${error.message}`);
    } finally {
      write.answeredMs = performance.now();
      if (write.outcome === 'ok' || write.outcome === 'journaled') write.latestMs = write.answeredMs;
    }
  }

  async #read(client: LoadClient, register: string, call: () => Promise<string>): Promise<void> {
    const invokedMs = performance.now();
    try {
      const value = await call();
      this.history.reads.push({ register, value, client: client.name, invokedMs, answeredMs: performance.now() });
    } catch (error) {
      if (isRoostError(error)) this.#count(`read ${error.code}: ${error.message}`);
      throw error;
    }
  }

  /** Alike but for numbers. */
  #count(text: string): void {
    const kind = text.replace(/\d+/g, '#').slice(0, 260);
    this.errors.set(kind, (this.errors.get(kind) ?? 0) + 1);
  }

  #graph(client: LoadClient): Promise<Graph> {
    return client.roost.graph('follows');
  }

  #one<T>(list: readonly T[]): T {
    return list[this.random(list.length)]!;
  }
}
