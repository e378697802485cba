import { limits, type RoostError } from '../core/index.js';
import type { CallHead, Rank } from './callHead.js';
import type { CallKind } from './callKind.js';
import { overloaded, type ServerLoad } from './serverLoad.js';
import { WaitingCalls, type QueuedCall } from './waitingCalls.js';

/** Shared: making an error costs as much as answering a call. */
const tooMany = overloaded('the server has more requests than it can answer in time');

/** The least number that may wait, even if few calls were started recently. */
const leastQueued = 64;

/** In the order of starting; refusals begin at the end. Reads and writes of high rank alternate at the front. */
const lanes: readonly (readonly [CallKind, Rank])[] = [
  ['control', 'high'],
  ['read', 'high'],
  ['write', 'high'],
  ['write', 'medium'],
  ['write', 'low'],
  ['materialized', 'high'],
  ['background', 'low'],
];

/** The lane of a call's kind and rank, or its kind's only lane. */
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
 * Requests of one port that wait for their turn: for the event loop, which starts requests for a few milliseconds at
 * a time, and for a free slot. None waits longer than `limits.queueMs`. If the queue has not been empty for a while,
 * none waits longer than `limits.standingQueueMs`, and the newest goes first: its client still waits, while those of
 * the oldest will soon have given up (Maurer, Fail at Scale, ACM Queue 2015: controlled delay, adaptive LIFO).
 */
export class CallQueue {
  readonly #lanes: readonly Lane[] = lanes.map(([kind, rank]) => ({ kind, rank, calls: new WaitingCalls() }));
  #size = 0;
  #turns = 0;
  /**
   * Calls started recently, and since when; and how far below `limits.queuedRequests` the bound is, where further
   * calls would wait in vain.
   */
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

  /** Whether requests have been waiting without a break for a while. */
  get standing(): boolean {
    return this.#size > 0 && performance.now() - this.#emptyAtMs > limits.standingMs;
  }

  /**
   * The error of a call that must not be pushed. If it can take the place of a call of lower rank, the oldest of
   * these is refused instead.
   */
  full(head: CallHead): RoostError | undefined {
    return this.#size < this.#longest || this.#makeRoom(placeOf(head)) ? undefined : tooMany;
  }

  push(call: QueuedCall): void {
    if (this.#size === 0) this.#emptyAtMs = call.readMs;
    this.#lanes[placeOf(call.head)]!.calls.push(call, this.#turns);
    this.#size++;
    this.#turnSoon();
  }

  /** Refuses the oldest call of the lowest rank below a lane's; returns whether there was one. */
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
    // Calls are started first: if there is more to refuse than one turn allows, answers must not suffer.
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

  /**
   * Admits as many calls as could recently be started within the allowed wait: later ones would be refused anyway,
   * only later.
   */
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
      // If the newest is late, all are.
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

  /**
   * Whether a call has waited too long, and waited for others: a process that stood still is no reason to refuse
   * everything that came meanwhile.
   */
  #isLate({ call, turn }: { call: QueuedCall; turn: number }, nowMs: number, standing: boolean): boolean {
    return this.#turns - turn > 1 && nowMs - call.readMs > (standing ? limits.standingQueueMs : limits.queueMs);
  }

  #refuse({ kind, calls }: Lane): void {
    const call = calls.takeOldest();
    this.#size--;
    if (!call.gone()) call.refuse(this.load.hasRoom(kind) ? tooMany : this.load.full(kind));
  }
}
