import { setTimeout as sleep } from 'node:timers/promises';
import { RoostError } from '../../core/index.js';
import type { Log, RoostConfig } from '../../process/index.js';
import { LeasedWork } from '../moving/leasedWork.js';
import type { MoveTask } from '../moving/moveTask.js';
import type { MoveThrottleNow, MoveThrottleSettings } from '../moving/moveThrottle.js';
import type { MovesDatabase } from '../moving/movesDatabase.js';
import { Ledger } from './ledger.js';
import {
  isAtEnd,
  isAtRest,
  type Migration,
  type MigrationOptions,
  type MigrationState,
  type MigrationStep,
} from './migration.js';
import { MigrationRunner } from './migrationRunner.js';
import { MigrationPlanner } from './planMigration.js';
import { summarizePlans, type PlanSummary } from './planSummary.js';
import { preflight } from './preflight.js';
import type { StepEnvironment } from './stepActions.js';
import type { MigrationPlan } from './steps.js';
import { unknownHosts } from '../topology/unknownHosts.js';

const lookEveryMs = 250;

export interface MigrationReport extends Migration {
  readonly steps: readonly MigrationStep[];
  /** Its copies and comparisons so far. */
  readonly moves: readonly MoveTask[];
}

/** The transformations of a cluster: any process plans, starts and steers them; servers carry them out. */
export class Migrations {
  readonly #ledger: Ledger;
  readonly #work: LeasedWork;

  constructor(
    database: MovesDatabase,
    private readonly server: string,
    private readonly environment: StepEnvironment,
    private readonly config: Pick<RoostConfig, 'moves'>,
    private readonly log: Log,
  ) {
    this.#ledger = new Ledger(database);
    this.#work = new LeasedWork('migrations', () => this.#claim(), log);
  }

  /** Starts carrying out migrations in this process. */
  start(): void {
    this.#work.start();
  }

  /** Releases what runs here, each migration where it is. */
  stop(): Promise<void> {
    return this.#work.stop();
  }

  /** A planner for the present topology. */
  async planner(): Promise<MigrationPlanner> {
    await this.environment.nameServer.reload();
    return new MigrationPlanner(this.environment.nameServer.topology, await this.environment.nameServer.spentNames());
  }

  /**
   * Looks for anything that would stop the plans half-way, and changes nothing. Throws `FailedPrecondition` with a
   * list. Returns sentences about what could not be checked.
   */
  async preflight(plans: readonly MigrationPlan[]): Promise<string[]> {
    const { nameServer, hosts, moves, dropped, servers, types } = this.environment;
    return preflight(plans, {
      hosts,
      types,
      moves,
      dropped,
      servers,
      topology: nameServer.topology,
      reservations: await this.#ledger.reservations(),
    });
  }

  /** The throttle of all migrations and copies of the cluster, and whether migrations rest now. */
  throttle(): Promise<MoveThrottleNow> {
    return this.environment.moves.store.throttle.read();
  }

  /** Running moves obey within seconds. Servers of earlier releases ignore it. Throws `InvalidArgument`. */
  setThrottle(settings: MoveThrottleSettings): Promise<void> {
    return this.environment.moves.store.throttle.set(settings);
  }

  /**
   * What plans move between which hosts, and how long that takes at least and at most. `options` are those for
   * `begin`.
   */
  async summarize(plans: readonly MigrationPlan[], options: MigrationOptions = {}): Promise<PlanSummary> {
    const { hosts, moves } = this.environment;
    return summarizePlans(plans, {
      hosts,
      movableType: (type) => moves.movableType(type),
      moves: this.config.moves,
      rates: options,
      clusterRowsPerSecond: (await this.throttle()).rowsPerSecond,
    });
  }

  /**
   * Starts plans after a preflight; servers carry them out, and this call returns their numbers at once. The plans
   * must be made for the present topology.
   */
  async begin(plans: readonly MigrationPlan[], options: MigrationOptions = {}): Promise<number[]> {
    if (plans.length === 0) return [];
    await this.preflight(plans);
    return this.#ledger.add(plans, options, this.environment.nameServer);
  }

  list(options: { readonly active: boolean; readonly limit?: number }): Promise<Migration[]> {
    return this.#ledger.list({ active: options.active, limit: options.limit ?? 1_000 });
  }

  /** The phase of some migrations, by number; finished ones are absent. */
  phases(ids: readonly number[]): Promise<ReadonlyMap<number, string>> {
    return this.#ledger.phases(ids);
  }

  /** Throws `NotFound`. */
  async show(id: number): Promise<MigrationReport> {
    const migration = await this.#ledger.get(id);
    return {
      ...migration,
      steps: await this.#ledger.steps(id),
      moves: await this.environment.moves.store.ofMigration(id),
    };
  }

  /** Waits until a migration rests: settled, paused, failed, or finished. */
  async atRest(id: number, signal: AbortSignal): Promise<Migration> {
    for (;;) {
      const migration = await this.#ledger.get(id);
      if (isAtRest(migration.state)) return migration;
      await sleep(lookEveryMs, undefined, { signal });
    }
  }

  /** Pauses a migration. Nothing that it has done is lost, and both sides keep receiving writes. */
  async pause(id: number): Promise<void> {
    await this.#ledger.redirect(id, ({ state, goal }) => {
      if (state !== 'queued' && state !== 'running') throw refused(id, 'paused', state);
      return { state: 'paused', goal };
    });
  }

  /** Resumes a migration that was paused or has failed. */
  async resume(id: number): Promise<void> {
    await this.#ledger.redirect(id, ({ state, goal }) => {
      if (state !== 'paused' && state !== 'failed') throw refused(id, 'resumed', state);
      return { state: 'queued', goal };
    });
  }

  /**
   * Has servers return to the state before the migration; if the new shards are read already, reads return to the old
   * ones first. Possible until the cleanup begins.
   */
  async rollback(id: number): Promise<void> {
    await this.#ledger.redirect(id, ({ state }, steps) => {
      if (isAtEnd(state)) throw refused(id, 'rolled back', state);
      if (steps.some((step) => step.phase === 'cleanup' && step.state !== 'pending')) {
        throw new RoostError(
          'FailedPrecondition',
          `migration ${id} cannot be rolled back: its cleanup has begun, and the old shards no longer get every write`,
          { fields: { migration: id } },
        );
      }
      return { state: 'queued', goal: 'rollback' };
    });
  }

  /** Drops the old shards. From then on there is no way back. */
  async cleanup(id: number): Promise<void> {
    await this.#ledger.redirect(id, ({ state }) => {
      if (state !== 'settled') throw refused(id, 'cleaned up', state);
      return { state: 'queued', goal: 'cleanup' };
    });
  }

  /** The migration of each reserved shard. */
  reservations(): Promise<ReadonlyMap<string, number>> {
    return this.#ledger.reservations();
  }

  /**
   * Shards with tables that a migration left behind on hosts that did not answer. Some may have been dropped since.
   */
  leftBehind(): Promise<ReadonlyMap<string, number>> {
    return this.#ledger.leftBehind();
  }

  async #claim(): Promise<MigrationRunner | undefined> {
    const { hosts, nameServer } = this.environment;
    if (unknownHosts(hosts, nameServer.topology).length > 0) return undefined;
    const migration = await this.#ledger.claim(this.server, this.config.moves.movesAtOnce);
    return migration && new MigrationRunner(migration, this.server, this.#ledger, this.environment, this.log);
  }
}

const words: Readonly<Record<MigrationState, string>> = {
  queued: 'is waiting for a server',
  running: 'is running',
  paused: 'is paused',
  settled: 'has settled and waits for its cleanup',
  failed: 'has failed',
  done: 'is done, and what it replaced is set aside',
  rolledBack: 'is rolled back',
};

const refused = (id: number, wish: string, state: MigrationState): RoostError =>
  new RoostError('FailedPrecondition', `migration ${id} cannot be ${wish}: it ${words[state]}`, {
    fields: { migration: id, state },
  });
