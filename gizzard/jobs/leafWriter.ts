import { Deadline, giveWay, groupBy, priorities, type Priority, RoostError, type Semaphore } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { Leaf } from '../routing/route.js';
import type { FollowUp, JobType } from './jobType.js';

/**
 * Small rows applied at once: enough to share a transaction's round trips and its commit, few enough to keep its
 * locks short.
 */
const smallItemsAtOnce = 1_000;

interface Group<Item> {
  readonly items: readonly Item[];
  readonly priority: Priority;
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
    private readonly enqueue: (priority: Priority, jobs: readonly FollowUp[]) => Promise<void>,
    /** Called when nothing is left to apply. */
    private readonly onIdle: () => void,
  ) {}

  /** `done` is called once; with the error if the items were not applied. */
  push(items: readonly Item[], priority: Priority, done: (error: RoostError | undefined) => void): void {
    this.#waiting.push({ items, priority, done });
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
    const error = await this.#apply(
      groups.length === 1 ? groups[0]!.items : groups.flatMap((group) => group.items),
      priority,
    );
    // A host's error would meet each group alone as well; any other may be the fault of one group.
    if (error === undefined || groups.length === 1 || error.retryable) {
      for (const group of groups) group.done(error);
      return;
    }
    for (const group of groups) group.done(await this.#apply(group.items, group.priority));
  }

  async #apply(items: readonly Item[], priority: Priority): Promise<RoostError | undefined> {
    const { health, name } = this.host;
    if (!health.healthy)
      return new RoostError('Unavailable', health.reason === '' ? `${name} is down` : health.reason, {
        fields: { host: name },
      });
    try {
      for (let start = 0; start < items.length; start += this.#itemsAtOnce) {
        await giveWay();
        const part = items.length <= this.#itemsAtOnce ? items : items.slice(start, start + this.#itemsAtOnce);
        const followUps = await this.type.apply(this.host, this.leaf, part, Deadline.after(this.deadlineMs));
        for (const [at, some] of groupBy(followUps, (one) => one.priority ?? priority)) await this.enqueue(at, some);
      }
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
}
