import { BackgroundLoop, Deadline, RoostError } from '../../core/index.js';
import type { DatabaseHost, SqlSession, SqlValue } from '../../mysql/index.js';
import type { Log } from '../../process/index.js';
import { Primary } from '../nameServer/primary.js';
import { isBehind, newestOf, type Look } from '../nameServer/replicas.js';
import type { ControlState, ControlStep, ControlStore, Led, Touch } from './controlStore.js';
import type { ControlTableName } from './controlTables.js';
import { settled } from './settled.js';

/** One replica's answer; without a head if it did not answer. */
export interface ControlLook extends Look<ControlStore> {
  readonly state: ControlState | undefined;
}

const lookDeadlineMs = 2_000;
const makeDeadlineMs = 10_000;
const followDeadlineMs = 5_000;
const followMsPerRow = 2;
const repairDeadlineMs = 60_000;

/**
 * The control tables: everything that steers a cluster beside its topology, such as the ledger of migrations, moves,
 * and the policy of tweets. They are on every replica of the name server's database, under the same rule as the
 * topology: the primary decides on each change, which is acknowledged once a majority holds it. See
 * docs/decisions/0043-control-tables-on-every-replica.md.
 */
export class Control {
  #watching: BackgroundLoop | undefined;
  #behind: ReadonlySet<string> = new Set();

  readonly #stores: readonly ControlStore[];

  constructor(
    stores: readonly ControlStore[],
    private readonly log: Log,
    private readonly primary = new Primary(
      stores.map(({ host }) => host.name),
      log,
    ),
  ) {
    this.#stores = stores;
  }

  /** The primary's first. */
  get stores(): readonly ControlStore[] {
    return this.primary.first(this.#stores);
  }

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

  /** Creates missing tables on the primary. */
  async ready(): Promise<void> {
    await this.#primary.ready(Deadline.after(makeDeadlineMs));
  }

  /** Asks every replica, in order. Never throws. */
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

  /**
   * Reads from a replica that holds every acknowledged change if a majority answers, otherwise from the newest one
   * that answers.
   */
  async read<T>(work: (host: DatabaseHost) => Promise<T>): Promise<T> {
    if (this.stores.length === 1) {
      await this.ready();
      return work(this.host);
    }
    return work(newestOf(await this.look(this.#suffice)).store.host);
  }

  /**
   * Makes a change in a transaction on the primary; `work` touches what it changes. Throws the errors of `work`;
   * `Unavailable` if the primary or a majority does not answer (nothing is changed), or if the others failed after
   * the primary stored the change (it holds as long as the primary does); `FailedPrecondition` if another host was
   * promoted meanwhile.
   */
  change<T>(deadline: Deadline, work: (session: SqlSession, touch: Touch) => Promise<T>): Promise<T> {
    return this.changeIn(deadline, (host, body) => host.transaction(deadline, (session) => body(session)), work);
  }

  /**
   * Makes a change in a transaction that `transact` begins on the primary, and that may provide more than a session.
   */
  async changeIn<T, A extends unknown[]>(
    deadline: Deadline,
    transact: (host: DatabaseHost, body: (session: SqlSession, ...given: A) => Promise<Led<T>>) => Promise<Led<T>>,
    work: (session: SqlSession, touch: Touch, ...given: A) => Promise<T>,
  ): Promise<T> {
    const primary = await this.prepare();
    const { result, step } = await transact(primary.host, (session, ...given) =>
      primary.lead(session, (touch) => work(session, touch, ...given), deadline),
    );
    await this.follow(step);
    return result;
  }

  /**
   * First part of a change, for callers that lock something else first. Begin the transaction on the host of the
   * returned store, and let that store lead the change. If another host is promoted in between, this store or the
   * others refuse the change.
   */
  async prepare(): Promise<ControlStore> {
    if (this.stores.length === 1) {
      await this.ready();
      return this.#primary;
    }
    let looks = await this.look(this.#suffice);
    const followed = this.#follow(looks);
    // The previous primary may have acknowledged a change that only some replicas hold: the first change under a new
    // one looks at all that answer.
    if (followed || looks.some(({ state }) => state !== undefined && state.head.leader !== this.host.name))
      looks = await this.look();
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
    if (isBehind(primary, newest.head)) await this.#overwrite(primary.store, newest.store);
    return primary.store;
  }

  /** Last part, after the commit of a change that a store has led. */
  async follow(step: ControlStep | undefined): Promise<void> {
    if (step === undefined || this.stores.length === 1) return;
    const primary = this.stores.find(({ host }) => host.name === step.head.leader)!;
    const others = this.stores.filter((store) => store !== primary);
    const followed = await Promise.allSettled(others.map((store) => this.#followOn(store, primary, step)));
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
      `the change of ${step.what} is stored on ${held} of ${this.stores.length} replicas of the name server, fewer than a majority: it stands as long as ${primary.host.name} does, and the others follow when they are back`,
      { fields: { host: primary.host.name }, cause: failed[0]?.reason },
    );
  }

  /**
   * Whether this process still knows the right primary; follows a new one. Throws `Unavailable` if no majority
   * answers.
   */
  async leads(): Promise<boolean> {
    if (this.stores.length === 1) return true;
    const looks = await this.look(this.#isMajority);
    if (!this.#isMajority(looks))
      throw new RoostError('Unavailable', 'no majority of the replicas of the name server answers', {
        cause: looks.find(({ error }) => error !== undefined)?.error,
      });
    return !this.#follow(looks);
  }

  /**
   * Runs a statement on every replica but the primary, without waiting: for data that may be lost and is not
   * compared.
   */
  tellOthers(sql: string, values: readonly SqlValue[]): void {
    for (const { host } of this.stores.slice(1)) {
      if (host.health.healthy)
        host
          .run(sql, values, Deadline.after(followDeadlineMs))
          .catch((error: unknown) =>
            this.log.debug({ err: error, host: host.name }, 'a replica did not get the progress of a move'),
          );
    }
  }

  /** Makes every answering replica equal to the newest. Returns the hosts that were behind. */
  async repair(looks?: readonly ControlLook[]): Promise<string[]> {
    const seen = looks ?? (await this.look());
    const newest = newestOf(seen);
    const behind = seen.filter((look) => isBehind(look, newest.head));
    for (const { store } of behind) await this.#overwrite(store, newest.store);
    return behind.map(({ store }) => store.host.name);
  }

  /** Starts repairing replicas that stay behind, and following promotions. */
  watch(everyMs: number): void {
    if (this.stores.length === 1) return;
    this.#watching ??= new BackgroundLoop(() => this.#watchOnce(), {
      everyMs,
      startAfterMs: everyMs,
      onError: (error, repeated) => {
        if (!repeated) this.log.error({ err: error }, 'the replicas of the name server could not be checked');
      },
    });
    this.#watching.start();
  }

  async close(): Promise<void> {
    await this.#watching?.stop();
  }

  async #watchOnce(): Promise<void> {
    const looks = await this.look();
    if (looks.every(({ head }) => head === undefined)) return;
    const { head } = newestOf(looks);
    // A replica may be behind for a moment while a change is on its way.
    const behind = looks
      .filter((look) => isBehind(look, head))
      .map(({ store, head: own }) => `${store.host.name} ${own?.changeId}`);
    const stays = behind.some((replica) => this.#behind.has(replica));
    this.#behind = new Set(behind);
    this.#follow(looks);
    if (stays) await this.repair(looks);
  }

  async #followOn(store: ControlStore, primary: ControlStore, step: ControlStep): Promise<void> {
    const rows = step.slices.reduce((sum, slice) => sum + slice.rows.length, 0);
    const deadline = Deadline.after(followDeadlineMs + rows * followMsPerRow);
    await deadline.race(store.ready(deadline), `setting up ${store.host.name}`);
    if (await deadline.race(store.follow(step, deadline), `storing the change on ${store.host.name}`)) return;
    await this.#overwrite(store, primary);
  }

  async #overwrite(store: ControlStore, source: ControlStore): Promise<void> {
    const lost = await store.overwrite(source, Deadline.after(repairDeadlineMs));
    if (lost === undefined) return;
    this.log.warn(
      { host: store.host.name, from: source.host.name, ...(lost.length > 0 && { lost }) },
      lost.length > 0
        ? 'changes of the control tables that one replica alone had were overwritten'
        : 'the control tables of a replica were repaired',
    );
  }

  #isMajority = (looks: readonly ControlLook[]): boolean =>
    looks.filter(({ head }) => head !== undefined).length >= this.majority;

  /** A majority holds every acknowledged change; the primary also knows who runs what, and its progress. */
  #suffice = (looks: readonly ControlLook[]): boolean =>
    this.#isMajority(looks) && looks.some(({ store }) => store === this.#primary);

  /** See `Primary.follow`. */
  #follow(looks: readonly ControlLook[]): boolean {
    return this.primary.follow(
      looks.flatMap(({ state }) =>
        state === undefined ? [] : [{ version: state.topologyVersion, primary: state.primary }],
      ),
    );
  }

  #refuseWithout(error: unknown): never {
    const cause = RoostError.from(error);
    const { name } = this.host;
    throw new RoostError(
      'Unavailable',
      `${name}, the primary of the name server, does not answer (${cause.message}); nothing was changed: where it is lost, \`roost nameserver promote HOST\` makes another one the primary`,
      { cause, fields: { host: name } },
    );
  }
}
