import { Deadline, RoostError } from '../../core/index.js';
import type { DatabaseHost, SqlSession, SqlValue } from '../../mysql/index.js';
import type { Log } from '../../process/index.js';
import { otherPrimary } from '../nameServer/nameServerStore.js';
import { isBehind, newestOf, type Look } from '../nameServer/replicas.js';
import type { ControlState, ControlStep, ControlStore, Led, Touch } from './controlStore.js';
import type { ControlTableName } from './controlTables.js';
import { settled } from './settled.js';

/** What one replica answered; without a head where it did not. */
export interface ControlLook extends Look<ControlStore> {
  readonly state: ControlState | undefined;
}

const lookDeadlineMs = 2_000;
const makeDeadlineMs = 10_000;
const followDeadlineMs = 5_000;
const followMsPerRow = 2;
const repairDeadlineMs = 60_000;

/**
 * What steers a cluster beside its topology: the ledger of migrations, moves, the policy of tweets. It stands on every replica of the name server's database, by the rule of the
 * topology: the primary decides on each change, which is acknowledged once a majority holds it. See docs/decisions/0043-control-tables-on-every-replica.md.
 */
export class Control {
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #behind: ReadonlySet<string> = new Set();
  #lastReason = '';

  /** `stores`: the primary first. */
  constructor(
    readonly stores: readonly ControlStore[],
    private readonly log: Log,
  ) {}

  /** The primary's host, which alone grants leases. */
  get host(): DatabaseHost {
    return this.#primary.host;
  }

  get #primary(): ControlStore {
    return this.stores[0]!;
  }

  get majority(): number {
    return Math.floor(this.stores.length / 2) + 1;
  }

  table(name: ControlTableName): string {
    return this.#primary.table(name);
  }

  /** Makes the tables on the primary where they are missing. */
  async ready(): Promise<void> {
    await this.#primary.ready(Deadline.after(makeDeadlineMs));
  }

  /** The same replicas with another one for the primary. */
  ledBy(hostname: string): Control {
    const primary = this.stores.find(({ host }) => host.name === hostname)!;
    return new Control([primary, ...this.stores.filter((store) => store !== primary)], this.log);
  }

  /** Asks every replica, in their order. Never throws. */
  look(enough: (looks: readonly ControlLook[]) => boolean = () => false): Promise<readonly ControlLook[]> {
    const asked = this.stores.map(async (store): Promise<ControlLook> => {
      try {
        const deadline = Deadline.after(lookDeadlineMs);
        const state = await deadline.race(store.state(deadline), `asking ${store.host.name}`);
        return { store, state, head: state.head, error: undefined };
      } catch (error) {
        return { store, state: undefined, head: undefined, error: RoostError.from(error) };
      }
    });
    return settled(asked, enough);
  }

  /** Reads from a replica that holds every acknowledged change where a majority answers, else from the newest that answers. */
  async read<T>(work: (host: DatabaseHost) => Promise<T>): Promise<T> {
    if (this.stores.length === 1) {
      await this.ready();
      return work(this.host);
    }
    return work(newestOf(await this.look(this.#suffice)).store.host);
  }

  /**
   * Makes a change in a transaction on the primary; `work` touches what it changes. Throws as `work` does; `Unavailable` where the primary or a majority does not answer (nothing is
   * changed), and where the others failed after the primary had stored it (it stands as long as the primary does); `FailedPrecondition` where the replicas know another primary.
   */
  change<T>(deadline: Deadline, work: (session: SqlSession, touch: Touch) => Promise<T>): Promise<T> {
    return this.changeIn(deadline, (body) => this.host.transaction(deadline, (session) => body(session)), work);
  }

  /** The same in a transaction on the primary that `transact` begins, and that may give more than a session. */
  async changeIn<T, A extends unknown[]>(
    deadline: Deadline,
    transact: (body: (session: SqlSession, ...given: A) => Promise<Led<T>>) => Promise<Led<T>>,
    work: (session: SqlSession, touch: Touch, ...given: A) => Promise<T>,
  ): Promise<T> {
    await this.prepare();
    const { result, step } = await transact((session, ...given) =>
      this.lead(session, (touch) => work(session, touch, ...given), deadline),
    );
    await this.follow(step);
    return result;
  }

  /** The parts of a change, for somebody who locks something else first: before the transaction, … */
  async prepare(): Promise<void> {
    await this.ready().catch((error: unknown) => this.#refuseWithout(error));
    if (this.stores.length === 1) return;
    const looks = await this.look(this.#suffice);
    this.#checkPrimary(looks);
    const answering = looks.filter(({ head }) => head !== undefined);
    const primary = looks.find(({ store }) => store === this.#primary)!;
    if (primary.head === undefined) this.#refuseWithout(primary.error);
    if (answering.length < this.majority) {
      throw new RoostError(
        'Unavailable',
        `only ${answering.length} of ${this.stores.length} replicas of the name server answer, fewer than a majority; nothing was changed`,
        { cause: looks.find(({ error }) => error !== undefined)?.error },
      );
    }
    const newest = newestOf(looks);
    if (isBehind(primary, newest.head)) await this.#overwrite(this.#primary, newest.store);
  }

  /** … in it, … */
  lead<T>(session: SqlSession, work: (touch: Touch) => Promise<T>, deadline: Deadline): Promise<Led<T>> {
    return this.#primary.lead(session, work, deadline);
  }

  /** … and after its commit. */
  async follow(step: ControlStep | undefined): Promise<void> {
    if (step === undefined || this.stores.length === 1) return;
    const followed = await Promise.allSettled(this.stores.slice(1).map((store) => this.#followOn(store, step)));
    const failed = followed.filter((result): result is PromiseRejectedResult => result.status === 'rejected');
    for (const { reason } of failed)
      this.log.warn(
        { err: reason as unknown, change: step.what },
        'a replica of the name server missed a change of the control tables',
      );
    const held = this.stores.length - failed.length;
    if (held >= this.majority) return;
    throw new RoostError(
      'Unavailable',
      `the change of ${step.what} is stored on ${held} of ${this.stores.length} replicas of the name server, fewer than a majority: it stands as long as ${this.host.name} does, and the others follow when they are back`,
      { fields: { host: this.host.name }, cause: failed[0]?.reason },
    );
  }

  /** Whether this process still names the primary. Throws `Unavailable` where no majority says so. */
  async leads(): Promise<boolean> {
    if (this.stores.length === 1) return true;
    const looks = await this.look(this.#isMajority);
    if (!this.#isMajority(looks))
      throw new RoostError('Unavailable', 'no majority of the replicas of the name server answers', {
        cause: looks.find(({ error }) => error !== undefined)?.error,
      });
    return this.#otherPrimary(looks) === undefined;
  }

  /** Runs a statement on every replica but the primary, without waiting: for what may be lost and is not compared. */
  tellOthers(sql: string, values: readonly SqlValue[]): void {
    for (const { host } of this.stores.slice(1)) {
      if (host.health.healthy)
        host
          .run(sql, values, Deadline.after(followDeadlineMs))
          .catch((error: unknown) =>
            this.log.debug({ err: error, host: host.name }, 'a replica did not hear of progress'),
          );
    }
  }

  /** Makes every replica that answers the same as the newest. Returns the hosts that were behind. */
  async repair(looks?: readonly ControlLook[]): Promise<string[]> {
    const seen = looks ?? (await this.look());
    const newest = newestOf(seen);
    const behind = seen.filter((look) => isBehind(look, newest.head));
    for (const { store } of behind) await this.#overwrite(store, newest.store);
    return behind.map(({ store }) => store.host.name);
  }

  /** From now on repairs replicas that stay behind, and says where this process names another primary than the replicas do. */
  watch(everyMs: number): void {
    if (this.stores.length === 1) return;
    const run = (): void => {
      this.#looking = this.#watchOnce().then(() => {
        if (this.#timer !== undefined) this.#timer = setTimeout(run, everyMs);
      });
    };
    this.#timer = setTimeout(run, everyMs);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#looking;
  }

  async #watchOnce(): Promise<void> {
    try {
      const looks = await this.look();
      if (looks.every(({ head }) => head === undefined)) return;
      const { head } = newestOf(looks);
      // A replica may be behind for a moment, while a change is on its way to it.
      const behind = looks
        .filter((look) => isBehind(look, head))
        .map(({ store, head: own }) => `${store.host.name} ${own?.changeId}`);
      const stays = behind.some((replica) => this.#behind.has(replica));
      this.#behind = new Set(behind);
      const other = this.#otherPrimary(looks);
      if (other !== undefined) throw other;
      if (stays) await this.repair(looks);
      this.#lastReason = '';
    } catch (error) {
      const { message } = RoostError.from(error);
      if (message !== this.#lastReason && this.#timer !== undefined)
        this.log.error({ err: error }, 'the replicas of the name server need to be looked after');
      this.#lastReason = message;
    }
  }

  async #followOn(store: ControlStore, step: ControlStep): Promise<void> {
    const rows = step.slices.reduce((sum, slice) => sum + slice.rows.length, 0);
    const deadline = Deadline.after(followDeadlineMs + rows * followMsPerRow);
    await deadline.race(store.ready(deadline), `setting up ${store.host.name}`);
    if (await deadline.race(store.follow(step, deadline), `storing the change on ${store.host.name}`)) return;
    await this.#overwrite(store, this.#primary);
  }

  async #overwrite(store: ControlStore, source: ControlStore): Promise<void> {
    const lost = await store.overwrite(source, Deadline.after(repairDeadlineMs));
    if (lost === undefined) return;
    this.log.warn(
      { host: store.host.name, from: source.host.name, ...(lost.length > 0 && { lost }) },
      lost.length > 0
        ? 'overwrote changes of the control tables that one replica alone had'
        : 'repaired the control tables of a replica',
    );
  }

  #isMajority = (looks: readonly ControlLook[]): boolean =>
    looks.filter(({ head }) => head !== undefined).length >= this.majority;

  /** A majority holds every acknowledged change; the primary knows also who runs what, and how far that is. */
  #suffice = (looks: readonly ControlLook[]): boolean =>
    this.#isMajority(looks) && looks.some(({ store }) => store === this.#primary);

  #checkPrimary(looks: readonly ControlLook[]): void {
    const other = this.#otherPrimary(looks);
    if (other !== undefined) throw other;
  }

  /** What the replicas that know the newest topology say of the primary. */
  #otherPrimary(looks: readonly ControlLook[]): RoostError | undefined {
    const states = looks.flatMap(({ state }) => state ?? []);
    const newest = Math.max(...states.map(({ topologyVersion }) => topologyVersion));
    const other = states.find(
      ({ topologyVersion, primary }) =>
        topologyVersion === newest && primary !== undefined && primary !== this.host.name,
    );
    return other && otherPrimary(other.primary!, this.host.name);
  }

  #refuseWithout(error: unknown): never {
    const cause = RoostError.from(error);
    if (this.stores.length === 1) throw cause;
    const { name } = this.host;
    throw new RoostError(
      'Unavailable',
      `${name}, the primary of the name server, does not answer (${cause.message}); nothing was changed: where it is lost, \`roost nameserver promote HOST\` makes another one the primary`,
      { cause, fields: { host: name } },
    );
  }
}
