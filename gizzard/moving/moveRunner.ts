import { Deadline, type RoostError, pause } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { BusyState } from '../topology/types.js';
import { LeaseLost, type TaskLease, type LeasedTask } from './leasedWork.js';
import type { Movable, MovableTable } from './movable.js';
import { PageMover } from './pageMover.js';
import { hostsOf, type MoveStore } from './moveStore.js';
import { keptDifferences, type MoveOrders, type MoveProgress, type MoveTask } from './moveTask.js';
import { Throttle } from './throttle.js';

const firstPageRows = 2_000;
/** Every transaction of a page ends before the next page: larger pages spend less of their time waiting. */
const maxPageRows = 30_000;
const minPageRows = 50;
/** The target duration of a page, so that rate changes and saved progress are frequent. */
const pageMs = 250;
const pageDeadlineMs = 20_000;
const countDeadlineMs = 60_000;
/** How often a resting move checks its orders, which come with its beats. */
const restMs = 250;

export interface MoveEnvironment {
  readonly store: MoveStore;
  readonly owner: string;
  readonly movable: (task: MoveTask) => Movable;
  readonly host: (name: string) => Host;
  /** Shows the move's effect on its shards; may be called more than once. */
  readonly show: (busy: BusyState) => Promise<void>;
}

/** Runs a move that this server has claimed, from its saved progress to its end. */
export class MoveRunner implements LeasedTask {
  readonly name: string;
  #progress: MoveProgress;
  #orders: MoveOrders;
  #pageRows = firstPageRows;
  readonly #rowsAtStart: number;
  readonly #startMs = performance.now();
  readonly #mover: PageMover;

  constructor(
    private readonly task: MoveTask,
    private readonly environment: MoveEnvironment,
  ) {
    this.name = `move ${task.id}`;
    this.#progress = task;
    this.#orders = { ...task, resting: '' };
    this.#rowsAtStart = task.rowsDone;
    this.#mover = new PageMover(task, environment.host);
  }

  /** A crash repeats the work since the last save. */
  async renew(trouble: string): Promise<boolean> {
    const orders = await this.environment.store.save(this.task.id, this.environment.owner, this.#progress, trouble);
    this.#orders = orders ?? this.#orders;
    return orders !== undefined;
  }

  release(): Promise<void> {
    return this.environment.store.release(this.task.id, this.environment.owner);
  }

  async run(lease: TaskLease): Promise<void> {
    const { tables } = this.environment.movable(this.task);
    await lease.retry(() => this.#begin(lease));
    const throttle = new Throttle([...hostsOf(this.task)].map(this.environment.host), lease.signal);
    const shrink = (error: RoostError): void => {
      if (error.code === 'DeadlineExceeded') this.#pageRows = Math.max(minPageRows, Math.floor(this.#pageRows / 4));
    };
    if (this.#progress.rowsTotal === 0) {
      const rowsTotal = await lease.retry(() => this.#count(tables));
      this.#progress = { ...this.#progress, rowsTotal };
    }
    while (this.#progress.table < tables.length) {
      await this.#rest(lease);
      const { rows, tookMs } = await lease.retry(
        () => this.#page(tables[this.#progress.table]!, throttle.pageRows),
        shrink,
      );
      await lease.retry(() => throttle.pause(rows, tookMs, this.#orders));
      lease.trouble = throttle.hurting;
    }
    await lease.end(() => this.#end('done', ''));
  }

  fail(error: RoostError): Promise<void> {
    return this.#end('failed', error.message);
  }

  async #rest(lease: TaskLease): Promise<void> {
    while (this.#orders.resting !== '' && !lease.signal.aborted) {
      lease.trouble = this.#orders.resting;
      await pause(restMs, lease.signal);
    }
  }

  /** The shards become busy once the move exists, and not before: whoever requests one may die. */
  async #begin(lease: TaskLease): Promise<void> {
    const { show, store } = this.environment;
    await show('busy');
    if (await this.renew(lease.trouble)) return;
    // Cancelled while they were being marked: if that is still pending, the server that cancels marks them.
    if ((await store.get(this.task.id)).state === 'cancelled') await show('cancelled');
    throw new LeaseLost();
  }

  async #end(state: 'done' | 'failed', error: string): Promise<void> {
    // Before the end is recorded: if this server dies in between, another ends the move, and no shard stays busy for
    // ever.
    await this.environment.show(state === 'done' ? 'normal' : 'error');
    await this.environment.store.finish(this.task.id, this.environment.owner, state, this.#progress, error);
  }

  async #count(tables: readonly MovableTable[]): Promise<number> {
    const [source] = this.task.sources;
    const host = this.environment.host(source!.id.hostname);
    const counts = await Promise.all(
      tables.map((table) => table.count(host, source!, Deadline.after(countDeadlineMs))),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async #page(table: MovableTable, mostRows: number): Promise<{ readonly rows: number; readonly tookMs: number }> {
    const { table: at, after } = this.#progress;
    const startMs = performance.now();
    // Never more than a second's worth, so that a slow move is steady and learns of a new ceiling soon.
    const limit = Math.min(this.#pageRows, mostRows, this.#orders.maxRowsPerSecond);
    const {
      end,
      rows,
      differences,
      waitedMs = 0,
    } = await this.#mover.move(table, after, limit, Deadline.after(pageDeadlineMs));
    const tookMs = performance.now() - startMs - waitedMs;
    const rowsDone = this.#progress.rowsDone + rows;
    this.#progress = {
      table: end === undefined ? at + 1 : at,
      after: end ?? '',
      rowsDone,
      rowsTotal: Math.max(this.#progress.rowsTotal, rowsDone),
      rowsPerSecond: ((rowsDone - this.#rowsAtStart) * 1000) / Math.max(1, performance.now() - this.#startMs),
      differenceCount: this.#progress.differenceCount + differences.length,
      differences: [...this.#progress.differences, ...differences].slice(0, keptDifferences),
    };
    if (tookMs > pageMs * 2) this.#pageRows = Math.max(minPageRows, Math.floor(this.#pageRows / 2));
    // A page that had to be smaller says nothing of a larger one.
    else if (tookMs < pageMs && limit === this.#pageRows)
      this.#pageRows = Math.min(maxPageRows, Math.ceil(this.#pageRows * 1.5));
    return { rows, tookMs };
  }
}
