import { setTimeout as sleep } from 'node:timers/promises';
import { isRoostError } from '../../core/index.js';
import type { Acknowledgment } from '../../wire/index.js';
import type { Graph, Roost } from '../../sdk/index.js';
import { absent, type History, type Write } from './history.js';
import type { OperationKind } from './plan.js';
import type { RoundIds } from './roundIds.js';

export interface LoadClient {
  readonly name: string;
  readonly roost: Roost;
}

export interface LoadTweet {
  readonly author: bigint;
  readonly text: string;
}

/** A server's answer may take that long to become known here, and the journal's clock is known no better. */
const slackMs = 500;
const operations = ['add', 'add', 'add', 'negate', 'archive', 'remove'] as const;
const weights: Readonly<Record<OperationKind, number>> = {
  edges: 45,
  massOperations: 6,
  users: 20,
  tweets: 28,
  timelines: 10,
};

export const edgeValue = (edge: { readonly state: string; readonly position: bigint } | undefined): string =>
  edge === undefined
    ? absent
    : edge.state === 'normal' || edge.state === 'negative'
      ? `${edge.state}@${edge.position}`
      : edge.state;

/** A node that was never colored is as one whose color is normal again. */
export const nodeValue = (node: { readonly color: string } | undefined): string =>
  node === undefined || node.color === 'normal' ? absent : node.color;

export const edgeRegister = (source: bigint, destination: bigint): string => `edge ${source} ${destination}`;

interface OnWire {
  readonly deadlineMs: number;
  readonly acknowledgment: Acknowledgment;
}

/** Clients that write and read the same few things at once, and note what they were told. */
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
    private readonly random: (below: number) => number,
    kinds: readonly OperationKind[],
  ) {
    this.#kinds = kinds.flatMap((kind) => new Array<OperationKind>(weights[kind]).fill(kind));
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
        await this.#step(client);
      } catch (error) {
        if (!isRoostError(error)) this.oddErrors.push(error instanceof Error ? error.stack! : String(error));
      }
      await sleep(5 + this.random(60));
    }
  }

  #step(client: LoadClient): Promise<void> {
    const half = this.random(2) === 0;
    switch (this.#one(this.#kinds)) {
      case 'edges':
        return half ? this.#writeEdge(client) : this.#readEdge(client);
      case 'massOperations':
        return half ? this.#removeAll(client) : this.#suspend(client);
      case 'users':
        return half ? this.#writeUser(client) : this.#readUser(client);
      case 'tweets':
        return this.#tweetStep(client);
      case 'timelines':
        return half ? this.#follow(client) : this.#readHome(client);
    }
  }

  #tweetStep(client: LoadClient): Promise<void> {
    const drawn = this.random(28);
    if (drawn < 8) return this.#createTweet(client);
    if (drawn < 15) return this.#changeTweet(client);
    return this.tweets.size === 0 ? Promise.resolve() : this.#readTweet(client, this.#one([...this.tweets.keys()]));
  }

  async #writeEdge(client: LoadClient): Promise<void> {
    const source = this.#one([...this.ids.sources(), ...this.ids.suspended()]);
    const destination = this.#one(this.ids.destinations());
    // What a suspended node's edges are behind its color shows at the end: of these, only the two that the color does not mix with.
    const operation = this.ids.suspended().includes(source)
      ? this.#one(['add', 'add', 'remove'] as const)
      : this.#one(operations);
    await this.#changeEdge(client, source, destination, operation);
    if (this.random(2) === 0) await this.#readEdgeOf(client, source, destination);
  }

  async #changeEdge(
    client: LoadClient,
    source: bigint,
    destination: bigint,
    operation: (typeof operations)[number],
  ): Promise<void> {
    const position = BigInt(++this.#counter);
    const value = { add: `normal@${position}`, negate: `negative@${position}`, archive: 'archived', remove: 'removed' }[
      operation
    ];
    const placed = operation === 'add' || operation === 'negate';
    await this.#write(client, [edgeRegister(source, destination)], value, async (options) =>
      (await this.#graph(client))[operation](source, destination, placed ? { ...options, position } : options),
    );
  }

  #readEdge(client: LoadClient): Promise<void> {
    return this.#readEdgeOf(client, this.#one(this.ids.sources()), this.#one(this.ids.destinations()));
  }

  async #readEdgeOf(client: LoadClient, source: bigint, destination: bigint): Promise<void> {
    if (this.ids.suspended().includes(source)) return;
    await this.#read(client, edgeRegister(source, destination), async () =>
      edgeValue(await (await this.#graph(client)).get(source, destination)),
    );
  }

  async #removeAll(client: LoadClient): Promise<void> {
    const source = this.#one(this.ids.sources());
    const registers = this.ids.destinations().map((destination) => edgeRegister(source, destination));
    await this.#write(
      client,
      registers,
      'removed',
      async (options) => (await this.#graph(client)).removeAll(source, { direction: 'forward', ...options }),
      true,
    );
  }

  async #suspend(client: LoadClient): Promise<void> {
    const id = this.#one(this.ids.suspended());
    const register = `node ${id}`;
    if (this.random(2) === 0)
      return this.#read(client, register, async () => nodeValue(await (await this.#graph(client)).node(id)));
    const back = this.random(2) === 0;
    await this.#write(client, [register], back ? absent : 'archived', async (options) =>
      (await this.#graph(client))[back ? 'addAll' : 'archiveAll'](id, { direction: 'forward', ...options }),
    );
  }

  async #writeUser(client: LoadClient): Promise<void> {
    const id = this.#one(this.ids.users());
    const name = `name ${++this.#counter}`;
    await this.#write(client, [`user ${id}`], name, (options) =>
      client.roost.users.put({ id, name, screenName: 'one' }, options),
    );
    if (this.random(2) === 0) await this.#readUserOf(client, id);
  }

  #readUser(client: LoadClient): Promise<void> {
    return this.#readUserOf(client, this.#one(this.ids.users()));
  }

  #readUserOf(client: LoadClient, id: bigint): Promise<void> {
    return this.#read(client, `user ${id}`, async () => (await client.roost.users.get(id))?.name ?? absent);
  }

  async #createTweet(client: LoadClient): Promise<void> {
    const [id] = await client.roost.tweets.reserveIds(1, { deadlineMs: 3_000 });
    this.madeIds.push(id!);
    const tweet = { author: this.#one(this.ids.authors()), text: `tweet ${id}` };
    this.tweets.set(id!, tweet);
    await this.#write(client, [`tweet ${id}`], tweet.text, (options) =>
      client.roost.tweets.create({ id: id!, userId: tweet.author, text: tweet.text }, options),
    );
    if (this.random(2) === 0) await this.#readTweet(client, id!);
  }

  async #changeTweet(client: LoadClient): Promise<void> {
    const created = [...this.tweets.keys()].filter((id) => this.history.of(`tweet ${id}`)[0]?.outcome === 'ok');
    if (created.length === 0) return;
    const id = this.#one(created);
    const undo = this.random(2) === 0;
    await this.#write(client, [`tweet ${id}`], undo ? this.tweets.get(id)!.text : absent, (options) =>
      client.roost.tweets[undo ? 'undelete' : 'delete'](id, options),
    );
    if (this.random(2) === 0) await this.#readTweet(client, id);
  }

  #readTweet(client: LoadClient, id: bigint): Promise<void> {
    return this.#read(client, `tweet ${id}`, async () => (await client.roost.tweets.get(id))?.text ?? absent);
  }

  #follow(client: LoadClient): Promise<void> {
    const operation = this.#one(['add', 'add', 'remove'] as const);
    return this.#changeEdge(client, this.#one(this.ids.readers()), this.#one(this.ids.authors()), operation);
  }

  /** No more is known of it while others write than that nobody's else is there. */
  async #readHome(client: LoadClient): Promise<void> {
    const reader = this.#one(this.ids.readers());
    try {
      const { ids } = await client.roost.timelines.home(reader, { count: 50 });
      for (const [i, id] of ids.entries()) {
        if (!this.tweets.has(id)) this.oddErrors.push(`the home timeline of ${reader} has ${id}, which nobody wrote`);
        if (i > 0 && ids[i - 1]! <= id) this.oddErrors.push(`the home timeline of ${reader} has ${id} out of order`);
      }
    } catch (error) {
      if (isRoostError(error)) this.#count(`home ${error.code}: ${error.message}`);
      throw error;
    }
  }

  /** @param ofWhatIsThere see `Write` */
  async #write(
    client: LoadClient,
    registers: readonly string[],
    value: string,
    call: (options: OnWire) => Promise<unknown>,
    ofWhatIsThere = false,
  ): Promise<void> {
    const acknowledgment: Acknowledgment = this.random(2) === 0 ? 'materialized' : 'journaled';
    const deadlineMs = 1_000 + this.random(5_000);
    const invokedMs = performance.now();
    const writes = registers.map((register): Write => ({
      register,
      value,
      acknowledgment,
      client: client.name,
      invokedMs,
      answeredMs: Infinity,
      outcome: 'unknown',
      latestMs: invokedMs + deadlineMs + slackMs,
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
