import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline, isRoostError, RoostError, type Log } from '../../core/index.js';
import type { DatabaseHost } from '../hosts/databaseHost.js';
import type { Movable, MovableTable } from './movable.js';
import { movePage } from './movePage.js';
import { hostsOf, type MoveStore } from './moveStore.js';
import { keptDifferences, type MoveProgress, type MoveRates, type MoveTask } from './moveTask.js';
import { Throttle } from './throttle.js';

const firstPageRows = 2_000;
const maxPageRows = 5_000;
const minPageRows = 50;
/** A page should take about this long, so that the rate can be changed and the position saved often. */
const pageMs = 250;
const pageDeadlineMs = 20_000;
const countDeadlineMs = 60_000;
const saveEveryMs = 500;
/** Hosts that do not answer are tried again, ever less often, for about an hour. */
const maxFailures = 750;
const retryAfterMs = (failures: number): number => Math.min(5_000, 50 * 2 ** Math.min(failures, 7));

export interface MoveEnvironment {
  readonly store: MoveStore;
  readonly owner: string;
  readonly movable: (task: MoveTask) => Movable;
  readonly host: (name: string) => DatabaseHost;
  readonly log: Log;
  /** Aborted when this process should hand its moves back. */
  readonly closing: AbortSignal;
  /** Called before the end is recorded, perhaps more than once. */
  readonly ending: (state: 'done' | 'failed') => Promise<void>;
}

/**
 * Runs a move that this server has claimed, from where it was saved to its end, or until it is cancelled, claimed by another or this process closes.
 */
export async function runMove(task: MoveTask, environment: MoveEnvironment): Promise<void> {
  const { store, owner, log, closing, ending } = environment;
  let run: MoveRun | undefined;
  try {
    run = new MoveRun(task, environment);
    const finished = await run.run();
    if (closing.aborted) await store.release(task.id, owner);
    if (!finished) return;
    await ending('done');
    await store.finish(task.id, owner, 'done', run.progress, '');
  } catch (error) {
    log.error({ err: error, move: task.id }, 'a move failed');
    await ending('failed');
    await store.finish(task.id, owner, 'failed', run?.progress ?? task, RoostError.from(error).message);
  }
}

class MoveRun {
  progress: MoveProgress;
  #rates: MoveRates;
  #pageRows = firstPageRows;
  #trouble = '';
  readonly #rowsAtStart: number;
  readonly #startMs = performance.now();
  readonly #throttle: Throttle;
  /** Aborted when the move is not ours any more, or this process closes. */
  readonly #stop = new AbortController();

  constructor(
    private readonly task: MoveTask,
    private readonly environment: MoveEnvironment,
  ) {
    this.progress = task;
    this.#rates = task;
    this.#rowsAtStart = task.rowsDone;
    this.#throttle = new Throttle([...hostsOf(task)].map(environment.host), this.#stop.signal);
  }

  /** True at the end of the last table. */
  async run(): Promise<boolean> {
    const { closing } = this.environment;
    const stop = (): void => this.#stop.abort();
    closing.addEventListener('abort', stop);
    if (closing.aborted) stop();
    const saving = this.#keepSaving();
    try {
      return await this.#pages();
    } finally {
      closing.removeEventListener('abort', stop);
      stop();
      await saving;
    }
  }

  async #pages(): Promise<boolean> {
    const { tables } = this.environment.movable(this.task);
    let failures = 0;
    while (this.progress.table < tables.length) {
      if (this.#stop.signal.aborted) return false;
      try {
        if (this.progress.rowsTotal === 0) this.progress = { ...this.progress, rowsTotal: await this.#count(tables) };
        await this.#page(tables[this.progress.table]!);
        failures = 0;
        this.#trouble = this.#throttle.hurting;
      } catch (error) {
        if (!(error instanceof RoostError && error.retryable) || ++failures > maxFailures) throw error;
        if (isRoostError(error, 'DeadlineExceeded')) this.#pageRows = Math.max(minPageRows, Math.floor(this.#pageRows / 4));
        if (this.#trouble !== error.message) this.environment.log.warn({ err: error, move: this.task.id }, 'a page could not be moved; trying again');
        this.#trouble = error.message;
        await this.#pause(retryAfterMs(failures));
      }
    }
    return true;
  }

  async #count(tables: readonly MovableTable[]): Promise<number> {
    const [source] = this.task.sources;
    const host = this.environment.host(source!.id.hostname);
    const counts = await Promise.all(tables.map((table) => table.count(host, source!, Deadline.after(countDeadlineMs))));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async #page(table: MovableTable): Promise<void> {
    const { table: at, after } = this.progress;
    const startMs = performance.now();
    // Never more than may be moved in a second, so that a slow move is steady and hears of a new ceiling soon.
    const limit = Math.min(this.#pageRows, this.#rates.maxRowsPerSecond);
    const { end, rows, differences } = await movePage(this.task, table, this.environment.host, after, limit, Deadline.after(pageDeadlineMs));
    const tookMs = performance.now() - startMs;
    const rowsDone = this.progress.rowsDone + rows;
    this.progress = {
      table: end === undefined ? at + 1 : at,
      after: end ?? '',
      rowsDone,
      rowsTotal: Math.max(this.progress.rowsTotal, rowsDone),
      rowsPerSecond: ((rowsDone - this.#rowsAtStart) * 1000) / Math.max(1, performance.now() - this.#startMs),
      differenceCount: this.progress.differenceCount + differences.length,
      differences: [...this.progress.differences, ...differences].slice(0, keptDifferences),
    };
    if (tookMs > pageMs * 2) this.#pageRows = Math.max(minPageRows, Math.floor(this.#pageRows / 2));
    else if (tookMs < pageMs) this.#pageRows = Math.min(maxPageRows, Math.ceil(this.#pageRows * 1.5));
    await this.#throttle.pause(rows, tookMs, this.#rates);
  }

  /** Saves the position and renews the claim, also while a page takes long. A crash repeats what was done since the last time. */
  async #keepSaving(): Promise<void> {
    const { store, owner, log } = this.environment;
    while (!this.#stop.signal.aborted) {
      await this.#pause(saveEveryMs);
      try {
        const rates = await store.save(this.task.id, owner, this.progress, this.#trouble);
        if (rates === undefined) this.#stop.abort();
        else this.#rates = rates;
      } catch (error) {
        log.warn({ err: error, move: this.task.id }, 'the position of a move could not be saved');
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}
