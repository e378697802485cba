import { limits, type RoostError } from '../core/index.js';
import type { CallHead, Rank } from './callHead.js';
import type { CallKind } from './callKind.js';
import { overloaded, type ServerLoad } from './serverLoad.js';
import { WaitingCalls, type QueuedCall } from './waitingCalls.js';

/** One for all: making an error costs as much as answering a call. */
const tooMany = overloaded('the server has more requests than it can answer in time');

/** May wait even where next to nothing was started lately. */
const leastQueued = 64;

/** In the order in which they are started; from the last on they are refused. Reads and writes of high rank go first by turns. */
const lanes: readonly (readonly [CallKind, Rank])[] = [
  ['control', 'high'],
  ['read', 'high'],
  ['write', 'high'],
  ['write', 'medium'],
  ['write', 'low'],
  ['materialized', 'high'],
  ['background', 'low'],
];

/** The lane of a call: that of its kind and rank, or the kind's only one. */
function placeOf(head: CallHead): number {
  const own = lanes.findIndex(([kind, rank]) => kind === head.kind && rank === head.rank);
  return own < 0 ? lanes.findIndex(([kind]) => kind === head.kind) : own;
}

interface Lane {
  readonly kind: CallKind;
  readonly rank: Rank;
  readonly calls: WaitingCalls;
}

/**
 * Requests of one port that wait for their turn: for the event loop, which starts requests for a few milliseconds at a time, and for those in work to make room. None waits longer
 * than `limits.queueMs`; where the queue has not been empty for a while, none longer than `limits.standingQueueMs`, and the newest goes first: its client still waits, while those of
 * the oldest will soon have given up (Maurer, Fail at Scale, ACM Queue 2015: controlled delay, adaptive LIFO).
 */
export class CallQueue {
  readonly #lanes: readonly Lane[] = lanes.map(([kind, rank]) => ({ kind, rank, calls: new WaitingCalls() }));
  #size = 0;
  #turns = 0;
  /** Calls started lately, and since when; and how many fewer than `limits.queuedRequests` may wait where more than these would wait in vain. */
  #started = 0;
  #countedSinceMs = 0;
  #longest: number = limits.queuedRequests;
  #emptyAtMs = 0;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly load: ServerLoad) {
    load.standing = () => this.standing;
    load.onLeft = () => {
      if (this.#size > 0) this.#turnSoon();
    };
  }

  get size(): number {
    return this.#size;
  }

  /** Whether requests have waited for a while without end. */
  get standing(): boolean {
    return this.#size > 0 && performance.now() - this.#emptyAtMs > limits.standingMs;
  }

  /** The error of a call that must not be pushed; where it could wait instead of others of lower rank, the oldest of those is refused for it. */
  full(head: CallHead): RoostError | undefined {
    return this.#size < this.#longest || this.#makeRoom(placeOf(head)) ? undefined : tooMany;
  }

  push(call: QueuedCall): void {
    if (this.#size === 0) this.#emptyAtMs = call.readMs;
    this.#lanes[placeOf(call.head)]!.calls.push(call, this.#turns);
    this.#size++;
    this.#turnSoon();
  }

  /** Refuses the oldest call of the lowest rank below that of a lane; whether there was one. */
  #makeRoom(place: number): boolean {
    for (let last = this.#lanes.length - 1; last > place; last--) {
      const { calls } = this.#lanes[last]!;
      if (calls.size === 0) continue;
      this.#refuse(this.#lanes[last]!);
      return true;
    }
    return false;
  }

  #turnSoon(): void {
    this.#immediate ??= setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#immediate = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#turns++;
    const startMs = performance.now();
    const standing = startMs - this.#emptyAtMs > limits.standingMs;
    // Calls are started first: if there are more to refuse than one turn can, the answers must not be what suffers.
    const startUntilMs = startMs + limits.sliceMs;
    for (const lane of this.#inOrder()) this.#start(lane, standing, startUntilMs);
    const refuseUntilMs = performance.now() + limits.sliceMs;
    for (const lane of this.#inOrder().reverse()) this.#refuseLate(lane, standing, refuseUntilMs);
    this.#bound(startMs, standing);
    if (this.#size === 0) return;
    if (this.#lanes.some(({ kind, rank, calls }) => calls.size > 0 && this.load.hasRoom(kind, rank))) this.#turnSoon();
    // Calls that end make room, and call for the next turn; until then there is only to see who has waited for too long.
    else this.#timer = setTimeout(() => this.#turnSoon(), limits.standingQueueMs / 2);
  }

  /** Lets in as many as lately could be started in the time that they may wait: those behind would be refused as well, but later. */
  #bound(nowMs: number, standing: boolean): void {
    if (!standing) this.#longest = limits.queuedRequests;
    const countedMs = nowMs - this.#countedSinceMs;
    if (countedMs < limits.standingMs) return;
    if (standing)
      this.#longest = Math.max(leastQueued, Math.ceil((this.#started / countedMs) * limits.standingQueueMs));
    this.#started = 0;
    this.#countedSinceMs = nowMs;
  }

  #inOrder(): Lane[] {
    const [control, reads, writes, ...others] = this.#lanes as [Lane, Lane, Lane, ...Lane[]];
    return this.#turns % 2 === 0 ? [control, reads, writes, ...others] : [control, writes, reads, ...others];
  }

  #start({ kind, rank, calls }: Lane, standing: boolean, untilMs: number): void {
    while (calls.size > 0 && this.load.hasRoom(kind, rank)) {
      const nowMs = performance.now();
      if (nowMs > untilMs) return;
      // Where the newest is late, all are.
      if (this.#isLate(standing ? calls.newest : calls.oldest, nowMs, standing)) return;
      const call = standing ? calls.takeNewest() : calls.takeOldest();
      this.#size--;
      if (call.gone()) continue;
      this.#started++;
      call.start();
    }
  }

  #refuseLate(lane: Lane, standing: boolean, untilMs: number): void {
    while (lane.calls.size > 0) {
      const nowMs = performance.now();
      if (nowMs > untilMs || !this.#isLate(lane.calls.oldest, nowMs, standing)) return;
      this.#refuse(lane);
    }
  }

  /** Whether a call has waited for too long, and for others: a process that was held up is no reason to refuse whatever came meanwhile. */
  #isLate({ call, turn }: { call: QueuedCall; turn: number }, nowMs: number, standing: boolean): boolean {
    return this.#turns - turn > 1 && nowMs - call.readMs > (standing ? limits.standingQueueMs : limits.queueMs);
  }

  #refuse({ kind, calls }: Lane): void {
    const call = calls.takeOldest();
    this.#size--;
    if (!call.gone()) call.refuse(this.load.hasRoom(kind) ? tooMany : this.load.full(kind));
  }
}
