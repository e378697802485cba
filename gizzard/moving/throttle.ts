import { Deadline, pause } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { MoveRates } from './moveTask.js';

/** A page this many times slower than the best ones shows that the host has other work. */
const slowerThanBest = 3;
/** Pages faster than this are never slow. */
const leastSlowMs = 250;
/** Concurrent requests above which a host counts as busy. */
const busyRequests = 24;
/** A replica lagging more than this should be left alone. */
const maxLagSeconds = 10;
/** Hosts are asked for their load at most this often. */
const lookEveryMs = 1_000;
const lookDeadlineMs = 2_000;
/** If a host gets more requests than this while a move rests, others are using it; heartbeats cause fewer. */
const restMs = 50;
const othersRequests = 5;
/** Quiet looks before a move uses a whole host again. */
const quietLooksForAll = 2;
/**
 * Beside other work a move rests this many times as long as it works, in pages of a transaction's length, so that
 * nobody waits long behind it.
 */
const restShare = 3;
const rowsBesideOthers = 500;
/** Additive increase, multiplicative decrease, as for congestion (Chiu and Jain 1989). */
const decrease = 0.5;
const increase = 0.1;

/** Keeps a move's rate between its floor and its ceiling, and lowers it while its hosts are overloaded. */
export class Throttle {
  #rowsPerSecond: number | undefined;
  #bestMsPerRow = Infinity;
  #lastLookMs = -Infinity;
  #hurting = '';
  #besideOthers = false;
  #quietLooks = 0;

  constructor(
    private readonly hosts: readonly Host[],
    private readonly closing: AbortSignal,
  ) {}

  /** Why the rate is lowered; empty if it is not. */
  get hurting(): string {
    return this.#hurting;
  }

  /** The present size of a page in rows. */
  get pageRows(): number {
    return this.#besideOthers ? rowsBesideOthers : Infinity;
  }

  /** Rests for the remainder of the time that a page of this many rows must take. */
  async pause(rows: number, tookMs: number, rates: MoveRates): Promise<void> {
    const nowMs = performance.now();
    let hurting = '';
    if (rows > 0) {
      const msPerRow = tookMs / rows;
      if (tookMs > leastSlowMs && msPerRow > this.#bestMsPerRow * slowerThanBest)
        hurting = `pages take ${Math.round(tookMs)} ms`;
      // The best decays slowly, since rows and hosts change.
      this.#bestMsPerRow = Math.min(msPerRow, this.#bestMsPerRow * 1.01);
    }
    if (nowMs - this.#lastLookMs >= lookEveryMs) {
      this.#lastLookMs = nowMs;
      hurting ||= (await this.#look()) ?? '';
      const othersWork = await this.#othersWork();
      this.#quietLooks = othersWork ? 0 : this.#quietLooks + 1;
      // Occasional requests are not seen by every look.
      this.#besideOthers = othersWork || (this.#besideOthers && this.#quietLooks < quietLooksForAll);
      const { minRowsPerSecond: floor, maxRowsPerSecond: ceiling } = rates;
      const before = this.#rowsPerSecond ?? ceiling;
      this.#rowsPerSecond =
        hurting === '' ? Math.min(ceiling, before + ceiling * increase) : Math.max(floor, before * decrease);
      this.#hurting = hurting;
    }
    const rate = Math.min(
      rates.maxRowsPerSecond,
      Math.max(rates.minRowsPerSecond, this.#rowsPerSecond ?? rates.maxRowsPerSecond),
    );
    const restingMs = this.#besideOthers
      ? Math.min(tookMs * restShare, (rows / rates.minRowsPerSecond) * 1000 - tookMs)
      : 0;
    const waitMs = Math.min(30_000, Math.max(restingMs, (rows / rate) * 1000 - tookMs));
    if (waitMs > 1) await pause(waitMs, this.closing);
  }

  /** Whether others used a host while this move rested. Other moves count as others. */
  async #othersWork(): Promise<boolean> {
    const requests = (): Promise<number[]> =>
      Promise.all(
        [...new Set(this.hosts)].map(
          async (host) => (await host.load?.(Deadline.after(lookDeadlineMs)))?.requests ?? 0,
        ),
      );
    const before = await requests();
    await pause(restMs, this.closing);
    const after = await requests();
    return after.some((count, i) => count - before[i]! > othersRequests);
  }

  async #look(): Promise<string | undefined> {
    for (const host of new Set(this.hosts)) {
      const deadline = Deadline.after(lookDeadlineMs);
      const running = (await host.load?.(deadline))?.running ?? 0;
      if (running > busyRequests) return `${host.name} works on ${running} requests at once`;
      const lag = await host.lagSeconds?.(deadline);
      if (lag !== undefined && lag > maxLagSeconds) return `${host.name} is ${lag} s behind what it replicates`;
    }
    return undefined;
  }
}
