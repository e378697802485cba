import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../../../core/index.js';
import { type Topology, shardKey } from '../../../gizzard/index.js';
import { type Fault, type FaultSetting, retry } from './fault.js';

/** A move, a split or a merge of the graph of follows, as a command. */
async function drawMigration({ cluster, random }: FaultSetting): Promise<string[]> {
  const { tools, config } = cluster;
  await tools.gizzard.nameServer.reload();
  const topology: Topology = tools.gizzard.topology;
  const graph = tools.flock.graphs().find(({ name }) => name === 'follows')!.id;
  const tableId = random(2) === 0 ? graph : -graph;
  const routes = topology.routes(tableId);
  const route = routes[random(routes.length)]!;
  const planner = await tools.gizzard.migrations.planner();
  const bases = [...planner.roots(tableId).keys()];
  const used = new Set(route.leaves.map(({ shard }) => shard.id.hostname));
  const fresh = Object.keys(config.databaseHosts).find((host) => !used.has(host));
  const leaf = route.leaves[random(route.leaves.length)]!;
  const base = String(bases[random(bases.length)]);
  if (routes.length > 1 && random(3) === 0) return ['merge', String(tableId), base];
  if (fresh === undefined || (routes.length < 3 && random(3) === 0)) return ['split', String(tableId), base];
  return ['move', shardKey(leaf.shard.id), fresh];
}

/** Runs a migration beside any other fault. */
const migrate: Fault = {
  places: ['topology'],
  lastsMs: [0, 0],
  async begin(setting) {
    const args = await retry(() => drawMigration(setting));
    setting.note(args.join(' '));
    const asked = setting.cluster.roost(...args, '--wait', '--cleanup', '--yes');
    return async () => {
      const { exitCode, stderr } = await asked;
      if (exitCode !== 0) setting.note(`${args.join(' ')} failed: ${stderr.slice(0, 600)}`);
    };
  },
};

const gates = [
  '0 pending',
  '0 running',
  '0 done',
  '1 running',
  '1 done',
  '2 running',
  '2 done',
  '3 running',
  '4 running',
  '4 done',
  '5 running',
  'move queued',
  'move running',
  'move done',
] as const;

/** Holds a migration in one of its phases, between doing a step and recording it. */
const migrateHeld: Fault = {
  places: ['topology'],
  lastsMs: [1_000, 6_000],
  async begin(setting) {
    const { cluster, random, note } = setting;
    const gate = gates[random(gates.length)]!;
    note(`held at ${gate}`);
    await retry(() => cluster.gate.close(gate));
    const end = await migrate.begin(setting);
    return async () => {
      await cluster.gate.open();
      await end();
    };
  },
};

const backWithinMs = 60_000;

/** Rolls back a migration that has switched. */
const migrateBack: Fault = {
  places: ['topology'],
  lastsMs: [0, 0],
  async begin(setting) {
    const { cluster, random, note } = setting;
    const args = await retry(() => drawMigration(setting));
    note(`${args.join(' ')}, and back`);
    const asked = (async () => {
      const { exitCode, stdout, stderr } = await cluster.roost(...args, '--yes');
      if (exitCode !== 0) return note(`${args.join(' ')} failed: ${stderr.slice(0, 600)}`);
      await sleep(random(2_500));
      const { migrations } = JSON.parse(stdout) as { readonly migrations: readonly number[] };
      const back = await cluster.roost('migrations', 'rollback', ...migrations.map(String), '--yes');
      if (back.exitCode !== 0) note(`rollback failed: ${back.stderr.slice(0, 600)}`);
      const deadline = Deadline.after(backWithinMs);
      const { migrations: ledger } = cluster.tools.gizzard;
      while ((await ledger.list({ active: true, limit: 10 })).some(({ state }) => state === 'running')) {
        deadline.check('the rollback of a migration');
        await sleep(100);
      }
    })();
    return () => asked;
  },
};

export const topologyFaults: Readonly<Record<string, Fault>> = { migrate, migrateHeld, migrateBack };
