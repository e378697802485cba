import { expect } from 'vitest';
import type { Flock } from '../../flock/index.js';
import {
  merge,
  type Migration,
  type MigrationPlan,
  type MigrationPlanner,
  type MigrationReport,
  moveShard,
  parseTemplate,
  phaseOf,
  type PlannedStep,
  rebalanceHosts,
  shardKey,
  split,
  transformTree,
} from '../../gizzard/index.js';
import type { Finished } from '../runRoost.js';
import type { Kind, Round } from './drawRound.js';

/** An operator's request, and the way to see its progress. */
export interface Deed {
  /** The command. */
  readonly args: readonly string[];
  /** The event that the gate stops. Absent if the moment is random. */
  readonly gate?: string;
  /** Whether the deed is recorded, so that it continues without the command. */
  readonly begun: () => Promise<boolean>;
  /** Whether the deed is in the phase of the round's moment. */
  readonly within: () => Promise<boolean>;
  /** Whether the deed is in its final state. Fails if the deed has failed. */
  readonly ended: () => Promise<boolean>;
  /** The port of the server that works on the deed. */
  readonly owner: () => Promise<string | undefined>;
  /** Checks what the deed has left on the shards, and removes it. */
  readonly after?: () => Promise<void>;
}

/** A replica that was added leaves nothing to clean up: its migration is done with the switch, and cannot be rolled back. */
const takenBack: readonly Kind[] = ['move', 'split', 'merge', 'rebalance'];

/** Options that slow a copy down, so that it can be caught in its middle. */
const slowly = ['--min-rate', '5', '--max-rate', '5'];
const midwayMs = 60_000;

/** The deeds that rounds ask for, on a graph of two trees in each direction. */
export class Deeds {
  constructor(
    private readonly flock: Flock,
    private readonly graphId: number,
    private readonly round: Round,
    private readonly call: (args: readonly string[]) => Promise<Finished>,
  ) {}

  /** Brings the graph to the state in which the deed starts. */
  async draw(): Promise<Deed> {
    const { kind, random } = this.round;
    const planner = await this.flock.gizzard.migrations.planner();
    if (kind === 'copy') return this.#copy(planner);
    if (kind === 'cancelCopy' || kind === 'cancelRepair')
      return this.#cancel(planner, kind === 'cancelCopy' ? 'copy' : 'repair');
    if (kind === 'rollbackRunning' || kind === 'rollbackPaused')
      return this.#rollbackMidway(planner, kind === 'rollbackPaused');
    if (kind !== 'rollback') {
      const { args, steps } = this.#transformation(planner, kind);
      return this.#migration([...args, '--wait', '--cleanup'], this.#gateForward(steps), 'done');
    }
    const { args, steps } = this.#transformation(planner, takenBack[random(takenBack.length)]!);
    const newest = await this.#newestId();
    await this.#must([...args, '--wait']);
    const ids = (await this.#migrationsAfter(newest)).map(({ id }) => id);
    return {
      ...this.#migration(['migrations', 'rollback', ...ids.map(String)], this.#gateBack(steps), 'rolledBack', newest),
    };
  }

  /** Rolls back a migration whose copy has started, and lasts longer than a round. */
  async #rollbackMidway(planner: MigrationPlanner, paused: boolean): Promise<Deed> {
    const { args } = this.#transformation(planner, takenBack[this.round.random(takenBack.length)]!);
    const newest = await this.#newestId();
    await this.#must([...args, ...slowly]);
    const { migrations } = this.flock.gizzard;
    const ids = (await this.#migrationsAfter(newest)).map(({ id }) => id);
    const copying = async (): Promise<boolean> =>
      (await Promise.all(ids.map((id) => migrations.show(id)))).some(({ moves }) =>
        moves.some(({ state }) => state === 'running'),
      );
    await expect.poll(copying, { timeout: midwayMs }).toBe(true);
    if (paused) {
      for (const id of ids) await migrations.pause(id);
      await expect
        .poll(
          async () =>
            (await this.#migrationsAfter(newest)).every(({ state }) => state === 'paused' || state === 'settled'),
          { timeout: midwayMs },
        )
        .toBe(true);
    }
    return {
      ...this.#migration(['migrations', 'rollback', ...ids.map(String)], undefined, 'rolledBack', newest),
      within: () => Promise.resolve(true),
    };
  }

  /** Cancels a copy or repair that has started, and lasts longer than a round. */
  async #cancel(planner: MigrationPlanner, kind: 'copy' | 'repair'): Promise<Deed> {
    const { gizzard } = this.flock;
    const leaves = shuffled(
      planner.topology.routes(this.graphId)[0]!.leaves.map((leaf) => leaf.shard.id),
      this.round.random,
    );
    const { stdout } = await this.#must(['shard', kind, ...leaves.map(shardKey), ...slowly]);
    const id = (JSON.parse(stdout) as { move: number }).move;
    const state = async (): Promise<string> => (await gizzard.moves.get(id)).state;
    if (this.round.random(2) === 0) await expect.poll(state, { timeout: midwayMs }).toBe('running');
    return {
      args: ['shard', 'cancel', String(id)],
      begun: async () => ['cancelling', 'cancelled'].includes(await state()),
      ended: async () => (await state()) === 'cancelled',
      within: () => Promise.resolve(true),
      owner: async () => this.#portOf((await gizzard.moves.get(id)).owner),
      after: async () => {
        await gizzard.nameServer.reload();
        const marked = leaves.filter((leaf) => gizzard.topology.shard(leaf).busy !== 'normal');
        expect(marked.map((leaf) => gizzard.topology.shard(leaf).busy)).toEqual(leaves.map(() => 'cancelled'));
        await gizzard.apply(marked.map((id) => ({ kind: 'markBusy', id, busy: 'normal' })));
      },
    };
  }

  async #must(args: readonly string[]): Promise<Finished> {
    const finished = await this.call(args);
    expect({ exitCode: finished.exitCode, stderr: finished.exitCode === 0 ? '' : finished.stderr }).toEqual({
      exitCode: 0,
      stderr: '',
    });
    return finished;
  }

  #transformation(
    planner: MigrationPlanner,
    kind: Kind,
  ): { readonly args: readonly string[]; readonly steps: readonly PlannedStep[] } {
    const { random } = this.round;
    const tableId = random(2) === 0 ? this.graphId : -this.graphId;
    const [baseId = 0n] = planner.roots(tableId).keys();
    const leaves = planner.topology.routes(tableId)[0]!.leaves.map((leaf) => leaf.shard.id);
    const leaf = leaves[random(leaves.length)]!;
    const used = new Set(
      planner.topology.routes(tableId).flatMap((route) => route.leaves.map((one) => one.shard.id.hostname)),
    );
    const fresh = Object.keys(this.flock.gizzard.config.databaseHosts).find((host) => !used.has(host))!;
    const stepsOf = (plans: readonly MigrationPlan[]): readonly PlannedStep[] => plans[0]!.steps;
    switch (kind) {
      case 'replicate': {
        const shape = `replicating(${[...leaves.map(({ hostname }) => hostname), fresh].map((host) => `flock(${host})`).join(', ')})`;
        return {
          args: ['transform-tree', shape, shardKey(leaf)],
          steps: stepsOf(
            transformTree(
              planner,
              leaf,
              parseTemplate(shape, (name) => name),
            ),
          ),
        };
      }
      case 'split':
        return {
          args: ['split', String(tableId), String(baseId)],
          steps: stepsOf(split(planner, { tableId, baseId }, {})),
        };
      case 'merge':
        return {
          args: ['merge', String(tableId), String(baseId)],
          steps: stepsOf(merge(planner, { tableId, baseId }, 2)),
        };
      case 'rebalance': {
        const hosts = Object.keys(this.flock.gizzard.config.databaseHosts).map((hostname) => ({
          hostname,
          weight: hostname === fresh ? 4 : 1,
        }));
        return {
          args: [
            'rebalance',
            '--hosts',
            hosts.map(({ hostname, weight }) => `${hostname}=${weight}`).join(','),
            `--tables=${tableId}`,
          ],
          steps: stepsOf(rebalanceHosts(planner, [tableId], hosts)),
        };
      }
      default:
        return { args: ['move', shardKey(leaf), fresh], steps: stepsOf(moveShard(planner, leaf, fresh)) };
    }
  }

  #gateForward(steps: readonly PlannedStep[]): string | undefined {
    const { at, phase } = this.round.moment;
    if (at === 'within') return undefined;
    if (phase === 'plan') return '0 pending';
    const places = placesOf(steps, phase);
    return at === 'before' ? `${places[0]} running` : `${places.at(-1)} done`;
  }

  /** A rollback goes through the phases in reverse, from the switch on. */
  #gateBack(steps: readonly PlannedStep[]): string | undefined {
    const { at, phase } = this.round.moment;
    if (at === 'within') return undefined;
    const places = placesOf(steps, phase === 'cleanup' || phase === 'plan' ? 'settle' : phase);
    return at === 'before' ? `${places.at(-1)} undoing` : `${places[0]} undone`;
  }

  async #copy(planner: MigrationPlanner): Promise<Deed> {
    const { moment, random } = this.round;
    const { moves } = this.flock.gizzard;
    const leaves = shuffled(
      planner.topology.routes(this.graphId)[0]!.leaves.map((leaf) => shardKey(leaf.shard.id)),
      random,
    );
    const newest = (await moves.store.list({ active: false, limit: 1 }))[0]?.id ?? 0;
    const mine = async () => (await moves.store.list({ active: false, limit: 10 })).filter(({ id }) => id > newest);
    const gates = ['move queued', 'move running', 'move done'];
    return {
      args: ['shard', random(2) === 0 ? 'copy' : 'repair', ...leaves, '--wait'],
      ...(moment.at === 'within' ? {} : { gate: gates[random(gates.length)]! }),
      begun: async () => (await mine()).length > 0,
      ended: async () => {
        const found = await mine();
        for (const { state, error } of found) expect(state, error).not.toBe('failed');
        return found.length > 0 && found.every(({ state }) => state === 'done');
      },
      within: async () => (await mine()).some(({ state }) => state === 'running'),
      owner: async () => this.#portOf((await mine())[0]?.owner),
    };
  }

  #migration(args: readonly string[], gate: string | undefined, end: 'done' | 'rolledBack', newest?: number): Deed {
    const { migrations } = this.flock.gizzard;
    const since = newest === undefined ? this.#newestId() : Promise.resolve(newest);
    const mine = async (): Promise<readonly Migration[]> => this.#migrationsAfter(await since);
    const shown = async (): Promise<readonly MigrationReport[]> =>
      Promise.all((await mine()).map(({ id }) => migrations.show(id)));
    const { phase } = this.round.moment;
    return {
      args,
      ...(gate === undefined ? {} : { gate }),
      begun: async () => {
        const found = await mine();
        return (
          found.length > 0 &&
          found.every(({ goal, state }) => end === 'done' || goal === 'rollback' || state === 'rolledBack')
        );
      },
      ended: async () => {
        const found = await mine();
        for (const { state, error } of found) expect(state, error).not.toBe('failed');
        return found.length > 0 && found.every(({ state }) => state === end);
      },
      within: async () =>
        (await shown()).some(
          ({ state, steps }) => state === 'running' && (end === 'rolledBack' || phaseOf(steps) === phase),
        ),
      owner: async () => this.#portOf((await mine()).find(({ owner }) => owner !== undefined)?.owner),
    };
  }

  async #newestId(): Promise<number> {
    return (await this.flock.gizzard.migrations.list({ active: false, limit: 1 }))[0]?.id ?? 0;
  }

  async #migrationsAfter(newest: number): Promise<readonly Migration[]> {
    return (await this.flock.gizzard.migrations.list({ active: false, limit: 10 })).filter(({ id }) => id > newest);
  }

  /** Returns the port on which the server of an id listens. */
  async #portOf(id: string | undefined): Promise<string | undefined> {
    const server = (await this.flock.gizzard.servers.list()).find((one) => one.id === id);
    return server === undefined ? undefined : String(server.info['flockPort']);
  }
}

export const shuffled = <T>(list: readonly T[], random: (below: number) => number): T[] =>
  list
    .map((one) => [random(1_000_000), one] as const)
    .sort(([a], [b]) => a - b)
    .map(([, one]) => one);

/** Returns the places of a phase's steps; a plan without the phase at least has the switch. */
function placesOf(steps: readonly PlannedStep[], phase: string): number[] {
  const places = steps.flatMap((step, place) => (step.phase === phase ? [place] : []));
  return places.length > 0 || phase === 'settle' ? places : placesOf(steps, 'settle');
}
