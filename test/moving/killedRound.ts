import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { Deadline } from '../../core/index.js';
import type { Flock } from '../../flock/index.js';
import type { Roost } from '../../sdk/index.js';
import { callRoost } from '../callRoost.js';
import { roostMain } from '../runRoost.js';
import { type KillableCluster, patiently } from '../support/killableCluster.js';
import { type Deed, Deeds, shuffled } from './deeds.js';
import type { Round } from './drawRound.js';
import type { LedgerGate } from './ledgerGate.js';
import { liveGraphOfClient } from './liveGraph.js';
import { LiveLoad } from './liveLoad.js';

const roundMs = 120_000;
const lookEveryMs = 20;
const edges = 300;
/** A read that was on its way to a host when the host came back may still fail. */
const readSlackMs = 250;

/** One round, on its own graph. */
export class KilledRound {
  #databaseAway = false;
  #databaseKilled = false;

  constructor(
    private readonly cluster: KillableCluster,
    private readonly flock: Flock,
    private readonly roost: Roost,
    private readonly gate: LedgerGate,
    private readonly round: Round,
    private readonly seed: number,
  ) {}

  async run(): Promise<void> {
    const { gizzard } = this.flock;
    const [first = '', second = ''] = shuffled(this.#hosts, this.round.random);
    const { replicas } = this.round;
    const name = `round_${this.seed}`;
    const { id: graphId } = await this.flock.createGraph(name, { shards: 2, replicas, hosts: [first, second] });
    // A server that was killed in the round before may still be listed.
    await expect
      .poll(
        async () =>
          (await gizzard.servers.list()).every(
            ({ version, silentMs }) => version >= gizzard.topology.version || silentMs > 1_000,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    const graph = await patiently(() => this.roost.graph(name));
    const load = new LiveLoad(liveGraphOfClient(graph), this.seed, {
      patient: true,
      readsMayFail: () => replicas === 1 && this.#databaseAway,
      replicasMayLag: () => this.#databaseKilled,
    });
    await load.fill(edges);
    load.start();
    try {
      const deed = await new Deeds(this.flock, graphId, this.round, (args) => this.#call(args)).draw();
      await this.#killDuring(deed);
      await deed.after?.();
    } finally {
      await load.stop();
    }
    await load.check(this.flock, graphId);
    expect(
      (await gizzard.moves.store.list({ active: true, limit: 10 })).map(({ id, state }) => ({ id, state })),
    ).toEqual([]);
    await gizzard.nameServer.reload();
    expect(gizzard.topology.state.shards.filter(({ busy }) => busy !== 'normal')).toEqual([]);
    // The round killed servers, and the doctor reports that for an hour.
    expect((await gizzard.doctor.examine()).filter(({ kind }) => kind !== 'silentServer')).toEqual([]);
  }

  async #killDuring(deed: Deed): Promise<void> {
    const { victim, moment, delayMs, awayMs } = this.round;
    const deadline = Deadline.after(roundMs);
    if (deed.gate !== undefined) await this.gate.close(deed.gate);
    const command = this.#start(deed.args);
    let asking: Promise<unknown> | undefined = command.finished.finally(() => (asking = undefined));
    /**
     * A request that was not recorded is made again, as an operator would; a recorded request continues by itself.
     */
    const ended = async (): Promise<boolean> => {
      if (asking === undefined && !(await patiently(deed.begun)))
        asking = this.#call(deed.args).finally(() => (asking = undefined));
      return patiently(deed.ended);
    };
    if (deed.gate !== undefined)
      expect(await this.gate.reached(ended, deadline), `somebody comes to "${deed.gate}"`).toBe(true);
    else {
      while (moment.phase !== 'preflight' && !(await deed.within()) && !(await ended())) {
        deadline.check(`the phase ${moment.phase}`);
        await sleep(lookEveryMs);
      }
      await sleep(delayMs);
    }
    const bringBack =
      victim === 'command' ? await this.#killCommand(command) : await this.#killPart(await deed.owner());
    await this.gate.open();
    await sleep(awayMs);
    await bringBack();

    while (!(await ended())) {
      deadline.check('the end of what was begun');
      await sleep(lookEveryMs);
    }
    await asking;
  }

  /** Starts the command, as a process if the round kills it. */
  #start(args: readonly string[]): { readonly kill: () => Promise<void>; readonly finished: Promise<unknown> } {
    if (this.round.victim !== 'command') return { kill: () => Promise.resolve(), finished: this.#call(args) };
    const child = spawn(process.execPath, [roostMain, ...this.#full(args)], { stdio: 'ignore' });
    const finished = once(child, 'exit');
    return {
      finished,
      async kill() {
        child.kill('SIGKILL');
        await finished;
      },
    };
  }

  #call(args: readonly string[]): ReturnType<typeof callRoost> {
    return callRoost(this.#full(args), '.');
  }

  #full(args: readonly string[]): string[] {
    // A cancel asks nothing.
    return [...args, ...(args[1] === 'cancel' ? [] : ['--yes']), '--json', '--config', this.cluster.configPath];
  }

  async #killCommand(command: { readonly kill: () => Promise<void> }): Promise<() => Promise<void>> {
    await command.kill();
    return () => Promise.resolve();
  }

  /** Kills the victim, and returns a function that brings it back. */
  async #killPart(owner: string | undefined): Promise<() => Promise<void>> {
    const { cluster, round } = this;
    if (round.victim === 'server') {
      const server =
        cluster.servers.find(({ ready }) => String(ready.flock.port) === owner) ??
        cluster.servers[round.random(cluster.servers.length)]!;
      await server.kill();
      return () => server.start();
    }
    const name = round.victim === 'redis' ? 'redis' : this.#hosts[round.random(this.#hosts.length)]!;
    this.#databaseAway = this.#databaseKilled = name !== 'redis';
    await cluster.playground.kill(name);
    return async () => {
      await cluster.playground.restart(name);
      await sleep(readSlackMs);
      this.#databaseAway = false;
    };
  }

  get #hosts(): readonly string[] {
    return Object.keys(this.cluster.config.databaseHosts);
  }
}
