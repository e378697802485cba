import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as newSdk from '../sdk/index.js';
import { roostMain } from './runRoost.js';
import { KillableCluster, untilApplied } from './support/killableCluster.js';
import { progress, SteadyLoad } from './support/steadyLoad.js';

// Runs the previous release and this one side by side on one cluster, under load, while the servers are replaced one
// after another. Nothing is lost, and nothing fails.

/** The commit of the previous release. A checkout without its history skips this file. */
const before = '699d818';
const root = join(import.meta.dirname, '..');
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'roost-upgrade-'));
const oldFolder = join(folder, 'old');
const oldMain = join(oldFolder, 'node_modules/roostdb/dist/cli/main.js');
const minute = 60_000;

const known = await run('git', ['cat-file', '-e', `${before}^{commit}`], { cwd: root }).then(
  () => true,
  () => false,
);
if (!known) console.warn(`there is no commit ${before} in this checkout: the rolling upgrade is not tested`);

let cluster: KillableCluster;

beforeAll(async () => {
  if (!known) return;
  await installOld();
  cluster = await KillableCluster.start({
    databaseHosts: 3,
    servers: 3,
    caches: 2,
    main: oldMain,
    setUp: async () => undefined,
  });
  await roost(oldMain, 'graph', 'create', 'follows', '--shards', '4');
  await roost(oldMain, 'tweets', 'setup', '--stripes', '2');
  await roost(oldMain, 'users', 'setup', '--shards', '2');
}, 10 * minute);

afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
}, minute);

it.skipIf(!known)(
  'keeps every write and fails no call while servers of both releases serve one cluster',
  async () => {
    const oldSdk = (await import(
      pathToFileURL(join(oldFolder, 'node_modules/roostdb/dist/sdk/index.js')).href
    )) as typeof newSdk;
    // Each client knows all servers: the old one calls new servers, and the new one old ones.
    const oldWait = { acknowledgement: 'materialized' } as newSdk.WriteCallOptions;
    const loads = [
      new SteadyLoad(await connectWith(oldSdk), 1n, oldWait),
      new SteadyLoad(await connectWith(newSdk), 2n),
    ];
    const running = loads.map((load) => load.run());
    try {
      await progress(loads);
      for (const [i, server] of cluster.servers.entries()) {
        await server.kill('SIGTERM');
        server.main = roostMain;
        await server.start();
        await progress(loads);
        // Halfway, one server goes back, as in an upgrade that is given up.
        if (i !== 1) continue;
        await server.kill('SIGTERM');
        server.main = oldMain;
        await server.start();
        await progress(loads);
        await roost(oldMain, 'move', 'db1/follows_forward_0000', 'db3', '--yes', '--wait');
        await progress(loads);
        await roost(roostMain, 'move', 'db1/follows_backward_0002', 'db2', '--yes', '--wait');
        await server.kill('SIGTERM');
        server.main = roostMain;
        await server.start();
        await progress(loads);
      }
    } finally {
      for (const load of loads) load.stop();
    }
    await Promise.all(running);
    expect(loads.flatMap(({ failures }) => failures)).toEqual([]);
    for (const load of loads) await untilApplied(load.roost);
    for (const load of loads) {
      await load.expectAll();
      await load.roost.close();
    }
    await roost(roostMain, 'flock', 'check', 'follows', '--settle', '500');
    await roost(roostMain, 'tweets', 'check');
    const findings = (JSON.parse(await roost(roostMain, 'doctor', '--json')) as { findings: unknown[] }).findings;
    expect(findings).toEqual([]);
  },
  8 * minute,
);

const connectWith = ({ connect }: typeof newSdk): Promise<newSdk.Roost> => {
  const addresses = (name: 'flock' | 'tbird' | 'users'): string[] =>
    cluster.servers.map(({ ready }) => `127.0.0.1:${ready[name].port}`);
  return connect({ servers: addresses('flock'), tweetServers: addresses('tbird'), userServers: addresses('users') });
};

async function roost(main: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [main, ...args, '--config', cluster.configPath], { cwd: folder });
  return stdout;
}

/** Packs the previous release's package, and installs it as a user would. */
async function installOld(): Promise<void> {
  const checkout = join(folder, 'checkout');
  await run('git', ['worktree', 'add', '--detach', checkout, before], { cwd: root });
  try {
    await run('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund'], { cwd: checkout });
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: checkout });
    const [packed] = JSON.parse(stdout) as [{ filename: string }];
    mkdirSync(oldFolder);
    writeFileSync(join(oldFolder, 'package.json'), '{ "private": true, "type": "module" }\n');
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', join('..', packed.filename)], {
      cwd: oldFolder,
    });
  } finally {
    await run('git', ['worktree', 'remove', '--force', checkout], { cwd: root });
  }
}
