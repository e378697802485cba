import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stores } from '../cli/stores.js';
import { configPartsOf } from '../cluster/index.js';
import { loadConfig } from '../process/index.js';
import { callRoost } from './callRoost.js';
import { KillableCluster } from './support/killableCluster.js';

// Runs the commands of docs/guides/run-a-cluster.md in order. A playground takes the place of the containers.

const guide = readFileSync(join(import.meta.dirname, '../docs/guides/run-a-cluster.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'roost-guide-'));
let cluster: KillableCluster;

beforeAll(async () => {
  cluster = await KillableCluster.start({
    databaseHosts: 2,
    servers: 1,
    redisServers: 2,
    caches: 2,
    overrides: ({ redisServers }) => ({ timeline: { hosts: { tl1: { ...redisServers[1]! } } } }),
    setUp: () => Promise.resolve(),
  });
}, 120_000);
afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

interface Line {
  readonly command: string;
  readonly exitCodes: readonly number[];
  /** A part of the output, whose lines count as separated by commas. */
  readonly output: string;
}

const lines: readonly Line[] = Array.from(
  guide.replace(/^```json.*?^```$/ms, '').matchAll(/^ {4}(\S.*?)(?: +# (?:exits with ([\d or]+): ?)?(.*))?$/gm),
  ([, command, exitCodes = '0', output = '']) => ({
    command: command!,
    exitCodes: exitCodes.split(' or ').map(Number),
    output,
  }),
);

/** Runs `[VARIABLE=value] roost …` as an operator of the cluster would; returns its exit code and what it printed. */
async function roost(command: string): Promise<{ readonly exitCode: number; readonly output: string }> {
  const [, variable, value, rest] = /^(?:(\w+)=(\S+) )?roost (.*)$/.exec(command)!;
  const { ready } = cluster.servers[0]!;
  const environment = {
    ROOST_CONFIG: cluster.configPath,
    ROOST__SERVER__FLOCK_PORT: String(ready.flock.port),
    ROOST__SERVER__USERS_PORT: String(ready.users.port),
    ...(variable === undefined ? {} : { [variable]: value }),
  };
  const args = rest!.replaceAll('/backups', join(folder, 'backups')).split(' ');
  const { exitCode, stdout, stderr } = await callRoost(args, folder, environment);
  return { exitCode, output: `${stdout}\n${stderr}`.trim().replace(/\s*\n\s*/g, ', ') };
}

async function run({ command, exitCodes, output }: Line): Promise<void> {
  const [, act, server] = /^docker compose (kill|start) (\w+)$/.exec(command) ?? [];
  if (act === 'kill') await cluster.playground.kill(server!);
  else if (act === 'start') await cluster.playground.restart(server!);
  // Journaled writes are applied, and failures noticed, a moment later. A command may be repeated.
  else
    await expect
      .poll(() => roost(command), { message: command, timeout: 60_000 })
      .toEqual({
        exitCode: expect.toSatisfy((code: number) => exitCodes.includes(code)) as number,
        output: expect.stringContaining(output) as string,
      });
}

it('leads from containers through failures, a backup and its restore to an upgrade', { timeout: 300_000 }, async () => {
  const begun = /^(docker compose up|alias)/;
  const commands = lines.filter(({ command }) => !begun.test(command));
  expect(commands.length).toBeGreaterThan(30);
  for (const line of commands) await run(line);
});

it('shows a configuration that servers take', () => {
  const path = join(folder, 'roost.config.json');
  writeFileSync(path, /^```json\n(.*?)^```$/ms.exec(guide)![1]!);
  const { config } = loadConfig({ path, parts: configPartsOf(stores), environment: {}, workingFolder: folder });
  expect(config).toMatchObject({ nameServer: { hosts: Object.keys(config.databaseHosts) }, journal: { replicas: 1 } });
});
