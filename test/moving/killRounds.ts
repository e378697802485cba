import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { configSchema, Deadline, type RoostConfig, type RoostConfigInput } from '../../core/index.js';
import { openFlock, type Flock } from '../../flock/index.js';
import { keyHash, merge, type MigrationPlan, parseTemplate, phaseOf, type Phase, split, type Template } from '../../gizzard/index.js';
import { roostMain } from '../runRoost.js';
import { LiveLoad, seededRandom } from './liveLoad.js';

const phases: readonly Phase[] = ['prepare', 'copy', 'verify', 'settle', 'cleanup'];
const roundMs = 120_000;
const never = new AbortController().signal;

/** A server in a process of its own, which can be killed and replaced. */
class KillableServer {
  #child: ChildProcess | undefined;

  constructor(private readonly configPath: string) {}

  async start(): Promise<void> {
    this.#child = spawn(process.execPath, [roostMain, 'serve', '--json', '--config', this.configPath], { stdio: ['ignore', 'pipe', 'inherit'] });
    // The first line says that it serves.
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: this.#child!.stdout! }).once('line', () => resolve());
      this.#child!.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    });
  }

  async kill(): Promise<void> {
    const child = this.#child!;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

/**
 * Rounds of a random transformation under reads and writes, in which the one server that works is killed where each phase begins, or at random
 * moments, and replaced; some are rolled back after their switch. After each round everything that was acknowledged must be there.
 */
export async function killRounds(clusterConfigPath: string, rounds: number, seed: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'roost-killed-'));
  const configPath = join(folder, 'roost.config.json');
  const input = JSON.parse(readFileSync(clusterConfigPath, 'utf8')) as RoostConfigInput;
  // What a dead server had in work is soon another's.
  const config: RoostConfig = configSchema.parse({ ...input, nameServer: { ...input.nameServer, reloadSeconds: 0.2 }, jobs: { ...input.jobs, claimAfterSeconds: 1, errorDelaySeconds: 0.5, errorLimit: 1_000 }, log: { level: 'silent' } });
  writeFileSync(configPath, JSON.stringify(config));
  const server = new KillableServer(configPath);
  const flock = await openFlock(config, { create: true });
  try {
    const random = seededRandom(seed);
    const { id: graphId } = await flock.createGraph('killed', { shards: 1, replicas: 1, hosts: [Object.keys(config.databaseHosts)[0]!] });
    await server.start();
    for (let round = 0; round < rounds; round++) {
      const load = new LiveLoad(() => flock, graphId, seed + round, true);
      load.startAt(round);
      await load.fill(400);
      load.start();
      await killedRound(flock, server, graphId, Object.keys(config.databaseHosts), random);
      await load.stop();
      await load.check();
    }
  } finally {
    await server.kill().catch(() => undefined);
    await flock.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function killedRound(flock: Flock, server: KillableServer, graphId: number, hosts: readonly string[], random: (below: number) => number): Promise<void> {
  const { migrations } = flock.gizzard;
  const rollBack = random(3) === 0;
  const atBoundaries = random(2) === 0;
  const plan = await randomPlan(flock, graphId, hosts, random);
  const [id] = await migrations.begin([plan]);
  const deadline = Deadline.after(roundMs);
  const killedIn = new Set<Phase | undefined>();
  let steered = false;
  for (;;) {
    deadline.check('a round of killing servers');
    const { state, steps, error } = await migrations.show(id!);
    expect(error === '' || state !== 'failed', error).toBe(true);
    if (state === 'done' || state === 'rolledBack') break;
    if (state === 'settled' && !steered) {
      steered = true;
      await (rollBack ? migrations.rollback(id!) : migrations.cleanup(id!));
    }
    const phase = phaseOf(steps);
    const kill = atBoundaries ? phase !== undefined && !killedIn.has(phase) : killedIn.size < phases.length && random(25) === 0;
    if (kill) {
      killedIn.add(atBoundaries ? phase : phases[killedIn.size]);
      await server.kill();
      await server.start();
    }
    await sleep(20);
  }
  expect((await migrations.atRest(id!, never)).state).toBe(steered && rollBack ? 'rolledBack' : 'done');
  await flock.gizzard.nameServer.reload();
  expect(await flock.gizzard.migrations.reservations()).toEqual(new Map());
}

/** A change of one tree's shape, a split or a merge. */
async function randomPlan(flock: Flock, graphId: number, hosts: readonly string[], random: (below: number) => number): Promise<MigrationPlan> {
  const planner = await flock.gizzard.migrations.planner();
  const [a = '', b = ''] = hosts;
  const shapes = [`replicating(flock(${a}))`, `replicating(flock(${b}))`, `replicating(flock(${a}), flock(${b}))`, `flock(${b})`].map((text): Template => parseTemplate(text, (name) => name));
  const tableId = random(2) === 0 ? graphId : -graphId;
  const bases = [...planner.roots(tableId).keys()];
  if (bases.length > 1 && random(2) === 0) return merge(planner, { tableId, baseId: bases[0]! }, 2)[0]!;
  if (bases.length < 3 && random(3) === 0) return split(planner, { tableId, baseId: bases.at(-1)! }, { at: [(bases.at(-1)! + keyHash('fnv1a64').maxHash) / 2n] })[0]!;
  const baseId = bases[random(bases.length)]!;
  for (;;) {
    const plan = planner.plan(tableId, [baseId], [{ baseId, template: shapes[random(shapes.length)]! }]);
    if (plan !== undefined) return plan;
  }
}
