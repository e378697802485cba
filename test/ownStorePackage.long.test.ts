import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compileIn, installPackage, serverAddress } from './packedPackage.js';
import { freshCluster } from './support/index.js';

// Builds an outside developer's store: the code of docs/guides/own-store.md, in an empty folder, on the packed
// package.

const run = promisify(execFile);
const cluster = freshCluster('package_own');
const folder = mkdtempSync(join(tmpdir(), 'roost-own-store-'));

beforeAll(() => installPackage(folder), 180_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("compiles, serves, moves and checks the guide's own store", async () => {
  const { config, configPath: path } = cluster;
  const files = guideFiles();
  for (const [file, text] of files) writeFileSync(join(folder, file), text);
  const programs = ['main.ts', 'client.ts'];
  await compileIn(folder, ['--module', 'esnext', '--moduleResolution', 'bundler', '--noEmit', ...programs]);
  await compileIn(folder, ['--module', 'nodenext', ...programs]);
  const own = (...args: string[]) => run(process.execPath, ['main.js', ...args, '--config', path], { cwd: folder });
  expect((await own('notes', 'setup', '--replicas', '1')).stdout).toContain('2 shards');
  const server = spawn(process.execPath, ['main.js', 'serve', '--config', path, '--json', '--notes-port', '0'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const address = await serverAddress(server, 'notes');
    const { shards } = JSON.parse((await own('shard', 'list', '--type', 'notes', '--json')).stdout) as {
      shards: { shard: string }[];
    };
    const [host, prefix] = shards[0]!.shard.split('/');
    const target = Object.keys(config.databaseHosts).find((other) => other !== host);
    let moving = true;
    const load = async (): Promise<void> => {
      do {
        const client = await run(process.execPath, ['client.js', address], { cwd: folder });
        expect(client.stdout).toBe('note 12 null\n');
      } while (moving);
    };
    const move = own('move', shards[0]!.shard, target!, '--yes', '--wait', '--cleanup').finally(() => (moving = false));
    await Promise.all([load(), move]);
    expect((await own('shard', 'list', '--type', 'notes', '--host', target!)).stdout).toContain(prefix!);
    expect((await own('check', 'notes')).stdout).toBe('notes: 200 rows in 2 shards: nothing is wrong\n');
    expect(JSON.parse((await own('cache', 'inspect', 'notes', '12', '--json')).stdout)).toMatchObject({ stale: [] });
  } finally {
    server.kill('SIGTERM');
    if (server.exitCode === null) await once(server, 'exit');
  }
  expect(server.exitCode).toBe(0);
}, 120_000);

/** Returns the files of the guide: each block of TypeScript that starts with a file's name. */
function guideFiles(): readonly (readonly [string, string])[] {
  const guide = readFileSync(join(import.meta.dirname, '../docs/guides/own-store.md'), 'utf8');
  return Array.from(guide.matchAll(/^```ts\n\/\/ (\w+\.ts)\n(.*?)^```$/gms), ([, file, text]) => [file!, text!]);
}
