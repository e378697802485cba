import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff, Deadline, isRoostError, RoostError } from '../../core/index.js';
import type { Led, Touch } from '../control/controlStore.js';
import type { SqlSession } from '../../mysql/index.js';
import type { Log } from '../../process/index.js';
import type { Hosts } from '../hosts.js';
import type { NameServer } from '../nameServer/nameServer.js';
import type { LockedTopology } from '../nameServer/nameServerStep.js';
import { inMigration } from '../nameServer/reservedTrees.js';
import type { ShardType } from '../shardType.js';
import type { Change } from '../topology/changes.js';
import { shardKey, type BusyState, type ShardId, type ShardInfo } from '../topology/types.js';
import { LeasedWork } from './leasedWork.js';
import type { Movable } from './movable.js';
import { MoveCanceller } from './moveCanceller.js';
import { MoveRunner } from './moveRunner.js';
import { sharedRates } from './moveThrottle.js';
import { MoveStore, type MoveLimits } from './moveStore.js';
import { isOpen, type MoveKind, type MoveRates, type MoveSpec, type MoveTask } from './moveTask.js';
import type { MovesDatabase } from './movesDatabase.js';
import { unknownHosts } from '../topology/unknownHosts.js';

const lookEveryMs = 250;
const addDeadlineMs = 10_000;
const showDeadlineMs = 10_000;
const beginLookMs = 20;
/** More moves than ever wait at once. */
const activeMoves = 100_000;

export interface MovesConfig extends MoveLimits, MoveRates {}

/** A cluster's copies, repairs and diffs: any process starts and watches them, servers run them. */
export class Moves {
  readonly store: MoveStore;
  readonly #work: LeasedWork;

  constructor(
    private readonly database: MovesDatabase,
    private readonly server: string,
    private readonly hosts: Hosts,
    private readonly nameServer: NameServer,
    /** Requires that jobs be applied under no older topology from now on. */
    private readonly require: (version: number) => Promise<void>,
    private readonly types: ReadonlyMap<string, ShardType>,
    private readonly config: MovesConfig,
    log: Log,
  ) {
    this.store = new MoveStore(database);
    this.#work = new LeasedWork('moves', () => this.#claim(), log);
  }

  /** Starts running moves in this process. */
  start(): void {
    this.#work.start();
  }

  /** Releases what runs here, each move where it is. */
  stop(): Promise<void> {
    return this.#work.stop();
  }

  /**
   * Requests that servers copy, repair, merge or compare shards, and returns the move's number at once. A shard may
   * be in several merges at a time. Throws `NotFound` for an unknown shard, `InvalidArgument` for shards that cannot
   * be compared, and `FailedPrecondition` for one that another move writes to.
   */
  async request(
    kind: Exclude<MoveKind, 'verify'>,
    ids: readonly ShardId[],
    rates: Partial<MoveRates> = {},
  ): Promise<number> {
    await this.nameServer.reload();
    const shards = ids.map((id) => this.nameServer.topology.shard(id));
    const keys = new Set(ids.map(shardKey));
    if (shards.length < 2 || keys.size < shards.length)
      throw new RoostError('InvalidArgument', `a ${kind} needs two or more different shards`);
    const [first, ...others] = shards;
    const spec: MoveSpec =
      kind === 'copy' ? { kind, sources: [first!], targets: others } : { kind, sources: shards, targets: [] };
    this.movable(spec);
    // Gizzard's tools request several merges of one shard: each only brings newer values.
    const writtenNow = await this.#openShards((task) =>
      kind === 'merge' && task.kind === 'merge' ? [] : writtenBy(task),
    );
    const taken = writtenBy(spec).find((shard) => writtenNow.has(shardKey(shard.id)));
    if (taken !== undefined)
      throw new RoostError(
        'FailedPrecondition',
        `shard ${shardKey(taken.id)} is being written by move ${writtenNow.get(shardKey(taken.id))}`,
        { fields: { shard: shardKey(taken.id) } },
      );
    // Writes from here on reach the targets too, if the topology says so; earlier ones are copied.
    if (kind === 'copy' || kind === 'merge') await this.require(this.nameServer.topology.version);
    const id = await this.#addFree(spec, this.#ratesOf(rates));
    if (kind !== 'diff') await this.#showRequested(id, spec);
    return id;
  }

  /** Adds a move that has been checked already. */
  async add(spec: MoveSpec, rates: Partial<MoveRates> = {}, migrationId?: number): Promise<number> {
    return this.store.add(
      spec,
      this.#ratesOf(rates),
      migrationId === undefined ? undefined : { id: migrationId, owner: this.server },
    );
  }

  /** The rates for a reader of shards beside the moves: those of a move, and a share of the cluster's limit. */
  async ratesBeside(): Promise<MoveRates> {
    const throttle = await this.store.throttle.read();
    return sharedRates(this.#ratesOf({}), { ...throttle, running: throttle.running + 1 });
  }

  #ratesOf({
    minRowsPerSecond = this.config.minRowsPerSecond,
    maxRowsPerSecond = this.config.maxRowsPerSecond,
  }: Partial<MoveRates>): MoveRates {
    checkRates({ minRowsPerSecond, maxRowsPerSecond });
    return { minRowsPerSecond, maxRowsPerSecond };
  }

  /**
   * Runs under the lock with which migrations reserve their shards: a move that would write to one of these is
   * refused.
   */
  async #addFree(spec: MoveSpec, rates: MoveRates): Promise<number> {
    if (spec.kind === 'diff') return this.store.add(spec, rates);
    const deadline = Deadline.after(addDeadlineMs);
    const add = (session: SqlSession, touch: Touch, { reservations }: LockedTopology): Promise<number> => {
      for (const { id } of [...spec.sources, ...spec.targets]) {
        const migration = reservations.get(shardKey(id));
        if (migration !== undefined) throw inMigration(shardKey(id), migration);
      }
      return this.store.insert(session, touch, spec, rates);
    };
    return this.#locked(deadline, add);
  }

  /** Runs work while the topology cannot change and no migration or move can begin. Throws as `Control.change`. */
  locked<T>(deadline: Deadline, work: (locked: LockedTopology) => Promise<T>): Promise<T> {
    return this.#locked(deadline, (_session, _touch, locked) => work(locked));
  }

  #locked<T>(
    deadline: Deadline,
    work: (session: SqlSession, touch: Touch, locked: LockedTopology) => Promise<T>,
  ): Promise<T> {
    return this.database.control.changeIn(
      deadline,
      (host, body: (session: SqlSession, locked: LockedTopology) => Promise<Led<T>>) =>
        this.nameServer.locked(host.name, deadline, body),
      work,
    );
  }

  /** Removes the mark of a move whose end nobody recorded. Shards in other moves keep theirs. */
  async unmark(shards: readonly ShardInfo[]): Promise<void> {
    await this.#mark({ kind: 'copy', sources: shards, targets: [] }, 'normal');
  }

  get(id: number): Promise<MoveTask> {
    return this.store.get(id);
  }

  /**
   * Requests that servers stop a manual move; `ended` waits for it. What it has copied stays. Throws
   * `FailedPrecondition` for one that has ended, or that a migration needs.
   */
  async cancel(id: number): Promise<void> {
    const { migrationId } = await this.store.get(id);
    if (migrationId !== undefined) {
      throw new RoostError(
        'FailedPrecondition',
        `move ${id} belongs to migration ${migrationId}, which would make another: pause that, or roll it back`,
        { fields: { move: id, migration: migrationId } },
      );
    }
    if (!(await this.store.wantCancelled(id)))
      throw new RoostError('FailedPrecondition', `move ${id} is ${(await this.store.get(id)).state} already`, {
        fields: { move: id },
      });
  }

  /** Stops a migration's move, and updates its shards' marks. False if it has ended. */
  async drop(id: number): Promise<boolean> {
    const task = await this.store.get(id);
    if (!isOpen(task.state)) return false;
    // The mark comes first: if this process dies in between, no shard stays busy for ever.
    if (task.kind !== 'diff') await this.#mark(task, 'normal', id);
    return this.store.cancel(id);
  }

  async setRates(id: number, rates: MoveRates): Promise<void> {
    checkRates(rates);
    await this.store.setRates(id, rates);
  }

  /** Waits for a move's end, whatever it is. */
  async ended(id: number, signal: AbortSignal): Promise<MoveTask> {
    for (const backoff = new Backoff(20, lookEveryMs); ;) {
      const task = await this.store.get(id);
      if (!isOpen(task.state)) return task;
      await sleep(backoff.next(), undefined, { signal });
    }
  }

  /** Waits for a move's end. Throws the error that it failed with, or that it was cancelled. */
  async finished(id: number, signal: AbortSignal): Promise<MoveTask> {
    const task = await this.ended(id, signal);
    if (task.state === 'done') return task;
    throw new RoostError(
      'FailedPrecondition',
      `the ${task.kind} ${task.state === 'failed' ? `failed: ${task.error}` : 'was cancelled'}`,
      { fields: { move: id } },
    );
  }

  /**
   * The implementation that moves all shards of a move. Throws `InvalidArgument` if they differ in type, and
   * `FailedPrecondition` if the type cannot be moved.
   */
  movable({ sources, targets }: MoveSpec): Movable {
    const shards: readonly ShardInfo[] = [...sources, ...targets];
    const [first] = shards;
    const other = shards.find((shard) => shard.type !== first!.type);
    if (other !== undefined) {
      throw new RoostError(
        'InvalidArgument',
        `${shardKey(first!.id)} is ${first!.type} and ${shardKey(other.id)} is ${other.type}: only shards of one type can be moved`,
      );
    }
    return this.movableType(first!.type);
  }

  movableType(type: string): Movable {
    const movable = this.types.get(type)?.moving;
    if (movable === undefined)
      throw new RoostError('FailedPrecondition', `shards of type ${type} cannot be moved`, { fields: { type } });
    return movable;
  }

  async #claim(): Promise<MoveRunner | MoveCanceller | undefined> {
    if (unknownHosts(this.hosts, this.nameServer.topology).length > 0) return undefined;
    const task = await this.store.claim(this.server, this.config);
    if (task === undefined) return undefined;
    const show = (busy: BusyState): Promise<void> =>
      task.kind === 'diff' ? Promise.resolve() : this.#mark(task, busy, task.id);
    const environment = { store: this.store, owner: this.server, show };
    if (task.state === 'cancelling') return new MoveCanceller(task, environment);
    return new MoveRunner(task, {
      ...environment,
      movable: (one) => this.movable(one),
      host: (name) => this.hosts.host(name),
    });
  }

  /** Shards that moves, except `but`, read or write now, each with a move's number. Comparisons do not count. */
  inWork(but?: number): Promise<ReadonlyMap<string, number>> {
    return this.#openShards((task) => (task.kind === 'diff' ? [] : [...task.sources, ...task.targets]), but);
  }

  async #openShards(shardsOf: (task: MoveTask) => readonly ShardInfo[], but?: number): Promise<Map<string, number>> {
    const open = await this.store.list({ active: true, limit: activeMoves });
    return new Map(
      open
        .filter(({ id }) => id !== but)
        .flatMap((task) => shardsOf(task).map((shard) => [shardKey(shard.id), task.id])),
    );
  }

  /**
   * Tools look at the shards as soon as they are answered, when no server may have begun. This marks only moves that
   * no server has begun, on top of the examined topology: a mark after the move's end would stay if this process died
   * there.
   */
  async #showRequested(id: number, { sources, targets }: MoveSpec): Promise<void> {
    for (const deadline = Deadline.after(showDeadlineMs); !deadline.passed;) {
      await this.nameServer.reload();
      const { topology } = this.nameServer;
      const { state } = await this.store.get(id);
      const unmarked = [...sources, ...targets].filter(
        (shard) => topology.hasShard(shard.id) && topology.shard(shard.id).busy !== 'busy',
      );
      if (!isOpen(state) || state === 'cancelling' || unmarked.length === 0) return;
      if (state !== 'queued') {
        // The server that runs it is about to.
        await sleep(beginLookMs);
        continue;
      }
      try {
        await this.nameServer.apply(
          unmarked.map((shard): Change => ({ kind: 'markBusy', id: shard.id, busy: 'busy' })),
          undefined,
          { onVersion: topology.version, maker: 'moves' },
        );
        return;
      } catch (error) {
        if (!isRoostError(error, 'FailedPrecondition') || !error.retryable) throw error;
      }
    }
  }

  /**
   * Marks shards with the move's effect. Shards outside the topology cannot be marked; those of a move other than
   * `id` keep their mark.
   */
  async #mark({ sources, targets }: MoveSpec, busy: BusyState, id?: number): Promise<void> {
    await this.nameServer.reload();
    const { topology } = this.nameServer;
    const inWork = busy === 'busy' ? undefined : await this.inWork(id);
    const marked = [...sources, ...targets].filter(
      ({ id }) => topology.hasShard(id) && topology.shard(id).busy !== busy && inWork?.has(shardKey(id)) !== true,
    );
    if (marked.length > 0)
      await this.nameServer.apply(
        marked.map(({ id }): Change => ({ kind: 'markBusy', id, busy })),
        undefined,
        { maker: 'moves' },
      );
  }
}

const writtenBy = ({ kind, sources, targets }: MoveSpec): readonly ShardInfo[] =>
  kind === 'repair' || kind === 'merge' ? sources : targets;

function checkRates({ minRowsPerSecond, maxRowsPerSecond }: MoveRates): void {
  for (const rate of [minRowsPerSecond, maxRowsPerSecond]) {
    if (!Number.isInteger(rate) || rate < 1 || rate > 100_000_000)
      throw new RoostError('InvalidArgument', `rows a second must be an integer from 1 to 100,000,000, not ${rate}`);
  }
  if (minRowsPerSecond > maxRowsPerSecond)
    throw new RoostError(
      'InvalidArgument',
      `the floor of ${minRowsPerSecond} rows a second is above the ceiling of ${maxRowsPerSecond}`,
    );
}
