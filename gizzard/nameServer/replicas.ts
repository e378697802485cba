import { randomUUID } from 'node:crypto';
import { Deadline, isRoostError, RoostError } from '../../core/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import type { Log } from '../../process/index.js';
import { changesToJson } from '../topology/changeJson.js';
import { applyChanges } from '../topology/changes.js';
import { Topology } from '../topology/topology.js';
import { sameHead, type Head, type Step, type StoredStep } from './nameServerStep.js';
import type { NameServerStore } from './nameServerStore.js';
import { Primary, type PrimaryNote } from './primary.js';

/** One replica's answer when asked for its head. */
export interface Look<S extends { readonly host: DatabaseHost }> {
  readonly store: S;
  /** Undefined if it did not answer, or was never set up. */
  readonly head: Head | undefined;
  readonly error: RoostError | undefined;
}

export type ReplicaLook = Look<NameServerStore>;

/** Time limit of the primary for a change; the others, one of which may hang, get less. */
const primaryDeadlineMs = 10_000;
const lookDeadlineMs = 3_000;
const followDeadlineMs = 5_000;
const repairDeadlineMs = 60_000;

/**
 * The replicas of the name server's database. One is the primary: it decides on every change and stores it first,
 * under a lock, so that changes have one order. A change is acknowledged once a majority, including the primary,
 * holds it. A replica that missed changes shows by its head, and is made equal to the newest. See
 * docs/decisions/0003-name-server-replicas.md.
 */
export class NameServerReplicas {
  readonly #stores: readonly NameServerStore[];

  constructor(
    stores: readonly NameServerStore[],
    private readonly log: Log,
    readonly primary = new Primary(
      stores.map(({ host }) => host.name),
      log,
    ),
  ) {
    if (stores.length === 0) throw new RoostError('InvalidArgument', 'a name server needs at least one database host');
    this.#stores = stores;
  }

  /** The primary's first. */
  get stores(): readonly NameServerStore[] {
    return this.primary.first(this.#stores);
  }

  get #primary(): NameServerStore {
    return this.stores[0]!;
  }

  get #majority(): number {
    return Math.floor(this.stores.length / 2) + 1;
  }

  /** The same replicas with another primary. Throws `NotFound` for a host that is none of them. */
  ledBy(hostname: string): NameServerReplicas {
    const primary = this.stores.find(({ host }) => host.name === hostname);
    if (primary === undefined)
      throw new RoostError(
        'NotFound',
        `${hostname} is no host of the name server: there are ${this.stores.map(({ host }) => host.name).join(', ')}`,
        { fields: { host: hostname } },
      );
    return new NameServerReplicas([primary, ...this.stores.filter((store) => store !== primary)], this.log);
  }

  /** Whether a majority, including the primary, has noted the primary. */
  async isLed(): Promise<boolean> {
    const looks = await this.look();
    const newest = newestOf(looks).head;
    const current = looks.filter(({ head }) => head !== undefined && sameHead(head, newest));
    if (current.length < this.#majority || !current.some(({ store }) => store === this.#primary)) return false;
    return (await this.#primary.primary(Deadline.after(lookDeadlineMs))) === this.#primary.host.name;
  }

  /** Asks every replica, in order. Never throws. */
  look(): Promise<ReplicaLook[]> {
    return Promise.all(
      this.stores.map(async (store) => {
        try {
          const deadline = Deadline.after(lookDeadlineMs);
          // A host that hangs on connecting is given up as soon as one that hangs in a statement.
          return {
            store,
            head: await deadline.race(store.head(deadline), `asking ${store.host.name}`),
            error: undefined,
          };
        } catch (error) {
          return { store, head: undefined, error: RoostError.from(error) };
        }
      }),
    );
  }

  async majorityAnswers(): Promise<boolean> {
    return (await this.look()).filter(answers).length >= this.#majority;
  }

  /**
   * Stores a step. Throws `Unavailable` if the primary or a majority does not answer (nothing is changed), or if the
   * others failed after the primary had stored it: it then holds, and they follow when they are back.
   */
  async change(step: Step, by: string): Promise<StoredStep> {
    // Another host may lead by the time this change is stored: it stays with the one that it began with.
    const primary = this.stores.length > 1 ? await this.#prepare(step.primary !== undefined) : this.#primary;
    const stored = await primary.lead(
      step,
      { changeId: randomUUID().replaceAll('-', ''), by },
      Deadline.after(primaryDeadlineMs),
      (before) => {
        if (step.onVersion !== undefined && before.version !== step.onVersion) {
          throw new RoostError(
            'FailedPrecondition',
            `the topology is at version ${before.version} now, no longer at ${step.onVersion}; nothing was changed`,
            { fields: { version: before.version }, retryable: true },
          );
        }
        // Checks that the result is consistent.
        return new Topology(applyChanges(before, step.changes)).state;
      },
    );
    const others = this.stores.filter((store) => store !== primary);
    const followed = await Promise.allSettled(others.map((store) => this.#follow(store, primary, stored)));
    const failed = followed.filter((result): result is PromiseRejectedResult => result.status === 'rejected');
    for (const { reason } of failed)
      this.log.warn(
        { err: reason as unknown, version: stored.audit.version },
        'a replica of the name server missed a change',
      );
    const held = this.stores.length - failed.length;
    if (held >= this.#majority) return stored;
    throw new RoostError(
      'Unavailable',
      `change ${stored.audit.version} is stored on ${held} of ${this.stores.length} replicas of the name server, fewer than a majority: it stands as long as ${primary.host.name} does, and the others follow when they are back`,
      { fields: { version: stored.audit.version, host: primary.host.name }, cause: failed[0]?.reason },
    );
  }

  /**
   * Makes every answering replica equal to the newest. Returns the hosts that were behind. Throws as `newest`, and
   * the first error of a replica that could not be repaired.
   */
  async repair(looks?: readonly ReplicaLook[]): Promise<string[]> {
    const seen = looks ?? (await this.look());
    const newest = newestOf(seen);
    const behind = seen.filter((look) => isBehind(look, newest.head));
    for (const { store, head } of behind) {
      await this.#overwrite(store, newest.store, head);
    }
    return behind.map(({ store }) => store.host.name);
  }

  /**
   * Makes a host the primary. The previous primary decides on that too if it answers, so that it decides on nothing
   * afterwards; otherwise the new one does, and changes that only the old one had are older. Throws `NotFound` for a
   * host that is none of the replicas, and as `change`.
   */
  async promote(hostname: string, by: string): Promise<StoredStep> {
    const step: Step = { changes: [], logs: [], primary: hostname };
    const promoted = this.ledBy(hostname);
    const looks = await this.look();
    const old = looks.find(({ store }) => store === this.#primary)!;
    const own = looks.find(({ store }) => store.host.name === hostname)!;
    if (old !== own && old.head !== undefined && own.head !== undefined) {
      try {
        return await this.ledBy(old.store.host.name).change(step, by);
      } catch (error) {
        this.log.warn(
          { err: error, host: old.store.host.name },
          'the primary could not hand over; the new one takes over',
        );
      }
    }
    return promoted.change(step, by);
  }

  /** Reads from the newest answering replica. Throws if none answers, or the read fails. */
  async any<T>(read: (store: NameServerStore, deadline: Deadline) => Promise<T>): Promise<T> {
    const newest = newestOf(await this.look());
    return read(newest.store, Deadline.after(primaryDeadlineMs));
  }

  /** Follows a promotion; see `Primary.follow`. */
  async followPrimary(looks?: readonly ReplicaLook[]): Promise<void> {
    if (this.stores.length === 1) return;
    const answering = (looks ?? (await this.look())).flatMap(({ store, head }) =>
      head === undefined ? [] : [{ store, version: head.version }],
    );
    this.primary.follow(
      await Promise.all(
        answering.map(async ({ store, version }): Promise<PrimaryNote> => ({
          version,
          primary: await store.primary(Deadline.after(lookDeadlineMs)),
        })),
      ),
    );
  }

  /**
   * Refuses a change that could not be acknowledged, and brings an outdated primary up to date. Returns the primary.
   */
  async #prepare(promotes: boolean): Promise<NameServerStore> {
    const looks = await this.look();
    if (!promotes) await this.followPrimary(looks);
    const primary = looks.find(({ store }) => store === this.#primary)!;
    const { name } = primary.store.host;
    const answering = looks.filter(answers);
    const refuse = (why: string, cause: unknown): never => {
      throw new RoostError('Unavailable', `the topology cannot be changed now: ${why}; nothing was changed`, {
        cause,
        fields: { host: name },
      });
    };
    if (!answering.includes(primary))
      refuse(
        `${name}, the primary of the name server, does not answer (${primary.error?.message}); where it is lost, \`roost nameserver promote HOST\` makes another one the primary`,
        primary.error,
      );
    if (answering.length < this.#majority) {
      refuse(
        `only ${answering.length} of ${this.stores.length} replicas of the name server answer, fewer than a majority`,
        looks.find(({ error }) => error !== undefined)?.error,
      );
    }
    const newest = newestOf(looks);
    if (isBehind(primary, newest.head)) await this.#overwrite(primary.store, newest.store, primary.head);
    return primary.store;
  }

  async #overwrite(store: NameServerStore, source: NameServerStore, had: Head | undefined): Promise<void> {
    const lost = await store.overwrite(source, Deadline.after(repairDeadlineMs));
    if (lost === undefined) return;
    const fields = { host: store.host.name, from: source.host.name, had: had?.version };
    if (lost.length === 0) this.log.warn(fields, 'a replica of the name server had missed changes, and was repaired');
    else
      this.log.warn(
        { ...fields, lost: lost.map(({ version, by, changes }) => ({ version, by, changes: changesToJson(changes) })) },
        'changes of the topology that one replica alone had were overwritten',
      );
  }

  async #follow(store: NameServerStore, primary: NameServerStore, step: StoredStep): Promise<void> {
    const deadline = Deadline.after(followDeadlineMs);
    if (await deadline.race(store.follow(step, deadline), `storing the change on ${store.host.name}`)) return;
    await this.#overwrite(store, primary, undefined);
  }
}

/** The replica with the greatest version, ties to the one named first. Throws if none answered. */
export function newestOf<S extends { readonly host: DatabaseHost }>(
  looks: readonly Look<S>[],
): { readonly store: S; readonly head: Head } {
  let newest: { store: S; head: Head } | undefined;
  for (const { store, head } of looks)
    if (head !== undefined && (newest === undefined || head.version > newest.head.version)) newest = { store, head };
  if (newest !== undefined) return newest;
  const errors = looks.map(({ error }) => error!);
  if (errors.length === 1) throw errors[0]!;
  const code = errors.every((error) => error.code === 'FailedPrecondition') ? 'FailedPrecondition' : 'Unavailable';
  throw new RoostError(
    code,
    `no replica of the name server gave a topology: ${errors.map((error) => error.message).join('; ')}`,
    { cause: errors[0] },
  );
}

/** A replica that was never set up answers too, and is set up in passing. */
const answers = ({ head, error }: Pick<ReplicaLook, 'head' | 'error'>): boolean =>
  head !== undefined || isRoostError(error, 'FailedPrecondition');

export const isBehind = ({ head, error }: Pick<ReplicaLook, 'head' | 'error'>, newest: Head): boolean =>
  head === undefined ? isRoostError(error, 'FailedPrecondition') : !sameHead(head, newest);
