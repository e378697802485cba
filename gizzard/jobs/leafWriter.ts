import {
  Deadline,
  giveWay,
  groupBy,
  priorities,
  type Priority,
  RoostError,
  type Semaphore,
  Trace,
} from '../../core/index.js';
import type { Host } from '../backend.js';
import { type Leaf, spanOf } from '../routing/route.js';
import type { FollowUp, JobType } from './jobType.js';

/**
 * Small rows applied at once: enough to share a transaction's round trips and its commit, few enough to keep its
 * locks short.
 */
const smallItemsAtOnce = 1_000;

/** Journals jobs that follow from others, as part of their trace. */
export type Enqueue = (priority: Priority, jobs: readonly FollowUp[], trace?: Trace) => Promise<void>;

/** The part of one job for a leaf. */
interface Group<Item> {
  readonly items: readonly Item[];
  readonly priority: Priority;
  readonly trace?: Trace | undefined;
  /** Called once; with the error if the items were not applied. */
  readonly done: (error: RoostError | undefined) => void;
}

/**
 * Applies the jobs of one kind to one leaf, one transaction after another: jobs that arrive during a transaction go
 * together into the next. Under load this makes large batches; at rest it waits for nothing; and this process never
 * competes with itself for the leaf's locks.
 *
 * Batches alternately begin with the most urgent and with the oldest job: many low-priority jobs do not hold up a few
 * urgent ones, and no priority starves.
 */
export class LeafWriter<Item> {
  #waiting: Group<Item>[] = [];
  #running = false;
  #oldestNext = false;

  constructor(
    private readonly type: JobType<Item>,
    private readonly leaf: Leaf,
    private readonly host: Host,
    private readonly slots: Semaphore,
    private readonly deadlineMs: number,
    private readonly enqueue: Enqueue,
    /** Called when nothing is left to apply. */
    private readonly onIdle: () => void,
  ) {}

  push(group: Group<Item>): void {
    this.#waiting.push(group);
    if (!this.#running) {
      this.#running = true;
      void this.#run();
    }
  }

  get #itemsAtOnce(): number {
    return this.type.itemsAtOnce ?? smallItemsAtOnce;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.slots.run(() => this.#applyTogether(this.#take()));
    }
    this.#running = false;
    this.onIdle();
  }

  #take(): Group<Item>[] {
    const inTurn = this.#oldestNext
      ? this.#waiting
      : priorities.flatMap((priority) => this.#waiting.filter((group) => group.priority === priority));
    this.#oldestNext = !this.#oldestNext;
    const taken: Group<Item>[] = [];
    let items = 0;
    for (const group of inTurn) {
      items += group.items.length;
      if (taken.length > 0 && items > this.#itemsAtOnce) break;
      taken.push(group);
    }
    const gone = new Set(taken);
    this.#waiting = this.#waiting.filter((group) => !gone.has(group));
    return taken;
  }

  async #applyTogether(groups: readonly Group<Item>[]): Promise<void> {
    // Follow-up jobs of the most urgent one must not wait in others' queues.
    const priority = priorities.find((each) => groups.some((group) => group.priority === each))!;
    const error = await this.#apply(groups, priority);
    // A host's error would meet each group alone as well; any other may be the fault of one group.
    if (error === undefined || groups.length === 1 || error.retryable) {
      for (const group of groups) group.done(error);
      return;
    }
    for (const group of groups) group.done(await this.#apply([group], group.priority));
  }

  /** Applies groups in the trace of the first that has one. */
  async #apply(groups: readonly Group<Item>[], priority: Priority): Promise<RoostError | undefined> {
    const { health, name } = this.host;
    if (!health.healthy)
      return new RoostError('Unavailable', health.reason === '' ? `${name} is down` : health.reason, {
        fields: { host: name },
      });
    const items = groups.length === 1 ? groups[0]!.items : groups.flatMap((group) => group.items);
    const traces = groups.some(({ trace }) => trace !== undefined) ? groups.flatMap(({ trace }) => trace ?? []) : [];
    const work = (trace: Trace | undefined): Promise<void> =>
      this.#applyInParts(items, priority, traces.length < groups.length ? trace?.sharing : trace);
    try {
      await (traces.length === 0
        ? work(undefined)
        : Trace.together(traces, 'leaf write', { ...spanOf(this.leaf, name), 'roost.items': items.length }, work));
      return undefined;
    } catch (error) {
      const reason = RoostError.from(error);
      if (reason.code !== 'DeadlineExceeded' || (await this.host.answers())) return reason;
      return new RoostError('Unavailable', `${this.host.name} does not answer`, {
        cause: reason,
        fields: { host: this.host.name },
      });
    }
  }

  async #applyInParts(items: readonly Item[], priority: Priority, trace: Trace | undefined): Promise<void> {
    for (let start = 0; start < items.length; start += this.#itemsAtOnce) {
      await giveWay();
      const part = items.length <= this.#itemsAtOnce ? items : items.slice(start, start + this.#itemsAtOnce);
      const deadline = Deadline.after(this.deadlineMs, undefined, trace);
      const followUps = await this.type.apply(this.host, this.leaf, part, deadline);
      // Which of the jobs brought about which follow-up is not known: one traced job would have those of all traced.
      const own = trace?.shared === true ? undefined : trace;
      for (const [at, some] of groupBy(followUps, (one) => one.priority ?? priority)) await this.enqueue(at, some, own);
    }
  }
}
