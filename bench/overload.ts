import { setImmediate as nextTurn } from 'node:timers/promises';
import { limits, writeSoon } from '../core/index.js';
import { containsCall, RawClient } from '../test/inMemory/rawClient.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph } from './cluster.js';
import { median, percentile } from './statistics.js';

const connections = 40;
const atOnce = 20_000;
const capacityForMs = 3_000;
const openLoopForMs = 5_000;
const answerKey = 0;
const template = containsCall(true, 0);
/** Behind the length of the frame, the first word, and the name with its length. */
const seqidAt = 4 + 4 + 4 + 'contains'.length;

interface Outcome {
  readonly answered: number[];
  readonly refused: number[];
  readonly asked: number;
}

/** More reads than a server can answer: what part is answered, what refused, and how soon. */
export const overload: Benchmark = {
  name: 'overload',
  about: `single reads over ${connections} connections: ${atOnce} at once, and arrivals at 5 times what the server can do`,
  async run({ ready, config }: BenchCluster): Promise<readonly Figure[]> {
    await makeGraph(config, 'overload', 4);
    const clients = await Promise.all(Array.from({ length: connections }, () => Reader.open(ready.flock.port)));
    try {
      const burst: Outcome = { answered: [], refused: [], asked: atOnce };
      await Promise.all(
        clients.map((client) => Promise.all(Array.from({ length: atOnce / connections }, () => client.ask(burst)))),
      );
      const capacity = await closedLoop(clients);
      const flood = await openLoop(clients, capacity * 5);
      return [
        ...figuresOf('at once', burst),
        { name: 'capacity, 256 at once', value: capacity, unit: 'reads/s' },
        ...figuresOf('5 × capacity', flood),
        {
          name: '5 × capacity: answered a second',
          value: flood.answered.length / (openLoopForMs / 1_000),
          unit: 'reads/s',
        },
      ];
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  },
};

function figuresOf(what: string, { answered, refused, asked }: Outcome): Figure[] {
  const late = [...answered, ...refused].filter((ms) => ms > limits.defaultDeadlineMs).length;
  const times = (name: string, values: readonly number[]): Figure[] =>
    values.length === 0
      ? []
      : [
          { name: `${what}: ${name}, p50`, value: median(values), unit: 'ms' },
          { name: `${what}: ${name}, p99`, value: percentile(values, 0.99), unit: 'ms' },
        ];
  return [
    { name: `${what}: asked`, value: asked, unit: '' },
    { name: `${what}: answered`, value: answered.length, unit: '' },
    { name: `${what}: refused`, value: refused.length, unit: '' },
    { name: `${what}: after ${limits.defaultDeadlineMs} ms`, value: late, unit: '' },
    ...times('time to an answer', answered),
    ...times('time to a refusal', refused),
  ];
}

async function closedLoop(clients: readonly Reader[]): Promise<number> {
  const outcome: Outcome = { answered: [], refused: [], asked: 0 };
  const untilMs = performance.now() + capacityForMs;
  const lane = async (client: Reader): Promise<void> => {
    while (performance.now() < untilMs) await client.ask(outcome);
  };
  await Promise.all(Array.from({ length: 256 }, (_, i) => lane(clients[i % clients.length]!)));
  return outcome.answered.length / (capacityForMs / 1_000);
}

/** Asks at a rate, whatever comes back. */
async function openLoop(clients: readonly Reader[], perSecond: number): Promise<Outcome> {
  const outcome = { answered: [], refused: [], asked: 0 };
  const under: Promise<void>[] = [];
  const startMs = performance.now();
  for (let elapsedMs = 0; elapsedMs < openLoopForMs; elapsedMs = performance.now() - startMs) {
    while (outcome.asked < (elapsedMs / 1_000) * perSecond)
      under.push(clients[outcome.asked++ % clients.length]!.ask(outcome));
    await nextTurn();
  }
  await Promise.all(under);
  return outcome;
}

class Reader {
  readonly #waiting = new Map<number, (refused: boolean) => void>();
  #seqid = 0;

  private constructor(private readonly client: RawClient) {
    void this.#read();
  }

  static async open(port: number): Promise<Reader> {
    return new Reader(await RawClient.connect(port));
  }

  /** A read of an edge that is in no cache; its time goes where its end belongs. */
  ask(outcome: Pick<Outcome, 'answered' | 'refused'>): Promise<void> {
    const seqid = ++this.#seqid;
    const startMs = performance.now();
    return new Promise((resolve) => {
      this.#waiting.set(seqid, (refused) => {
        (refused ? outcome.refused : outcome.answered).push(performance.now() - startMs);
        resolve();
      });
      const call = Buffer.from(template);
      call.writeInt32BE(seqid, seqidAt);
      call.writeBigInt64BE(BigInt(Math.floor(Math.random() * 1e9)), call.length - 1 - 8);
      writeSoon(this.client.socket, call);
    });
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  async #read(): Promise<void> {
    for (let answer = await this.client.answer(); answer !== undefined; answer = await this.client.answer()) {
      // The head is a word, the name with its length, and the sequence id; then comes the field that says what it is.
      const fieldId = answer.message.readInt16BE(4 + 4 + answer.method.length + 4 + 1);
      this.#waiting.get(answer.seqid)?.(fieldId !== answerKey);
      this.#waiting.delete(answer.seqid);
    }
  }
}
