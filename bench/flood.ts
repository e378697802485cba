import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { containsCall, executeCall } from '../test/inMemory/rawClient.js';

/**
 * A process of its own, so that it can have its own core. Sends small calls over many connections, and prints the
 * outcome as one line of JSON (FloodReport).
 * It keeps no object per call, so that it can send many times more than a server answers.
 */

export interface KindReport {
  readonly asked: number;
  readonly answered: number;
  readonly refused: number;
  /** Answers and refusals that came more than `lateMs` after they were asked. */
  readonly late: number;
  readonly answerMs: Quantiles;
  readonly refusalMs: Quantiles;
}
export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}
export interface FloodReport {
  readonly kinds: Readonly<Record<string, KindReport>>;
  readonly seconds: number;
  /**
   * The share of its core that the process used, and the longest time without a check of its sockets. They show how
   * far to trust the times.
   */
  readonly ownCpu: number;
  readonly longestTurnMs: number;
}

const answerKey = 0;
const lateMs = 5_000;
const bucketsPerMs = 10;
const buckets = 20_000 * bucketsPerMs;

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    connections: { type: 'string', default: '40' },
    kinds: { type: 'string', default: 'read' },
    /** Exactly one of these: calls at once; calls in flight; calls per second. */
    burst: { type: 'string' },
    inFlight: { type: 'string' },
    rate: { type: 'string' },
    forMs: { type: 'string', default: '3000' },
  },
});
const forMs = Number(values.forMs);

class Kind {
  asked = 0;
  answered = 0;
  refused = 0;
  late = 0;
  readonly answers = new Uint32Array(buckets + 1);
  readonly refusals = new Uint32Array(buckets + 1);

  constructor(
    readonly name: string,
    readonly call: Buffer,
    readonly seqidAt: number,
    /** The position of the destination's id in the call. */
    readonly destinationAt: number,
  ) {}

  took(ms: number, refused: boolean): void {
    const bucket = Math.min(buckets, Math.round(ms * bucketsPerMs));
    if (refused) {
      this.refused++;
      this.refusals[bucket]!++;
    } else {
      this.answered++;
      this.answers[bucket]!++;
    }
    if (ms > lateMs) this.late++;
  }

  report(): KindReport {
    const quantile = (counts: Uint32Array, all: number, share: number): number => {
      let left = all * share;
      return counts.findIndex((count) => (left -= count) < 0) / bucketsPerMs;
    };
    const quantiles = (counts: Uint32Array, all: number): Quantiles =>
      all === 0 ? { p50: 0, p99: 0 } : { p50: quantile(counts, all, 0.5), p99: quantile(counts, all, 0.99) };
    const { asked, answered, refused, late } = this;
    return {
      asked,
      answered,
      refused,
      late,
      answerMs: quantiles(this.answers, answered),
      refusalMs: quantiles(this.refusals, refused),
    };
  }
}

const priorities = ['low', 'medium', 'high'];
const priorityOf = (name: string): number => priorities.indexOf(name) + 1;
const marked = 0x1122334455667788n;
const kindOf = (name: string): Kind => {
  const call = name === 'read' ? containsCall(true, 0, marked) : executeCall(0, marked, priorityOf(name));
  const mark = Buffer.alloc(8);
  mark.writeBigInt64BE(marked);
  let at = call.indexOf(mark);
  // A list of ids has the other byte order.
  if (at < 0) at = call.indexOf(mark.reverse());
  return new Kind(name, call, 4 + 4 + 4 + call.readInt32BE(8), at);
};
const kinds = values.kinds.split(',').map(kindOf);

/** The time of sending, by sequence id. The sequence id also tells the kind. */
const sentMs = new Float64Array(1 << 24);
let lastSeqid = 0;
let inFlight = 0;
const kindAt = (seqid: number): Kind => kinds[seqid % kinds.length]!;

class Lane {
  #rest: Buffer = Buffer.alloc(0);

  constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  send(count: number): void {
    if (count === 0) return;
    const parts: Buffer[] = [];
    const nowMs = performance.now();
    for (let i = 0; i < count; i++) {
      const seqid = ++lastSeqid;
      const kind = kindAt(seqid);
      const call = Buffer.from(kind.call);
      call.writeInt32BE(seqid, kind.seqidAt);
      call.writeUInt32BE((Math.random() * 2 ** 29) >>> 0, kind.destinationAt + 3);
      parts.push(call);
      kind.asked++;
      sentMs[seqid % sentMs.length] = nowMs;
    }
    inFlight += count;
    this.socket.write(Buffer.concat(parts));
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const nowMs = performance.now();
    let at = 0;
    while (at + 4 <= bytes.length) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) break;
      const seqidAt = at + 12 + bytes.readInt32BE(at + 8);
      const seqid = bytes.readInt32BE(seqidAt);
      const fieldType = bytes[seqidAt + 4]!;
      // A method without a result answers with an empty struct.
      const refused = fieldType !== 0 && bytes.readInt16BE(seqidAt + 5) !== answerKey;
      kindAt(seqid).took(nowMs - sentMs[seqid % sentMs.length]!, refused);
      inFlight--;
      at = end;
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
    onRead(this);
  }
}

let onRead: (lane: Lane) => void = () => undefined;
const lanes = await Promise.all(
  Array.from(
    { length: Number(values.connections) },
    () =>
      new Promise<Lane>((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port: Number(values.port) }, () => resolve(new Lane(socket)));
        socket.on('error', reject);
      }),
  ),
);

const cpu = process.cpuUsage();
const startMs = performance.now();
let longestTurnMs = 0;
let turnMs = startMs;
/** Runs `step` once per turn of the event loop, until it returns false and nothing is in flight. */
const turns = (step: (elapsedMs: number) => boolean): Promise<void> =>
  new Promise((resolve) => {
    const turn = (): void => {
      const nowMs = performance.now();
      longestTurnMs = Math.max(longestTurnMs, nowMs - turnMs);
      turnMs = nowMs;
      const more = step(nowMs - startMs);
      if (more || inFlight > 0) setImmediate(turn);
      else resolve();
    };
    turn();
  });

if (values.burst !== undefined) {
  for (const lane of lanes) lane.send(Math.ceil(Number(values.burst) / lanes.length));
  await turns(() => false);
} else if (values.inFlight !== undefined) {
  const all = Number(values.inFlight);
  // A lane that received answers sends as many calls as are missing.
  onRead = (lane) => {
    if (performance.now() - startMs < forMs) lane.send(all - inFlight);
  };
  for (const lane of lanes) lane.send(Math.ceil(all / lanes.length));
  await turns(() => false);
} else {
  const perMs = Number(values.rate) / 1_000;
  let asked = 0;
  let next = 0;
  const mostAtOnce = 32;
  await turns((elapsedMs) => {
    if (elapsedMs >= forMs) return false;
    let due = Math.floor(elapsedMs * perMs) - asked;
    asked += due;
    for (; due > 0; next++) {
      const count = Math.min(due, mostAtOnce);
      lanes[next % lanes.length]!.send(count);
      due -= count;
    }
    return true;
  });
}

const tookMs = performance.now() - startMs;
const { user, system } = process.cpuUsage(cpu);
const report: FloodReport = {
  kinds: Object.fromEntries(kinds.map((kind) => [kind.name, kind.report()])),
  seconds: Math.min(tookMs, values.rate === undefined ? Infinity : forMs) / 1_000,
  ownCpu: (user + system) / 1_000 / tookMs,
  longestTurnMs,
};
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit());
