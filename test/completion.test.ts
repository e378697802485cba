import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFlock } from '../flock/index.js';
import { callRoost } from './callRoost.js';
import { roostMain, runRoost } from './runRoost.js';
import { freshCluster } from './support/index.js';

const run = promisify(execFile);
const { config, configPath } = freshCluster('completion', { nameServer: { hosts: ['db1'] } });
const folder = mkdtempSync(join(tmpdir(), 'roost-completion-'));

beforeAll(async () => {
  const flock = await openFlock(config, { create: true });
  await flock.createGraph('follows', { shards: 2, replicas: 2 });
  await flock.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('completion', () => {
  const complete = async (words: string[]): Promise<string[]> => {
    const { stdout } = await callRoost(['completion', 'bash'], folder);
    // The script asks the command for values that it does not know.
    const script = `roost() { ${process.execPath} ${roostMain} "$@"; }\n${stdout}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _roost; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return (await run('bash', ['-c', script])).stdout.trim().split('\n');
  };

  it('knows nouns, verbs and options in bash', async () => {
    expect(await complete(['roost', 'sha'])).toEqual(['shard']);
    expect(await complete(['roost', 'shard', 'wr'])).toEqual(['wrap']);
    expect(await complete(['roost', 'shard', 'delete', 'localhost/x', '--y'])).toEqual(['--yes']);
    expect(await complete(['roost', 'job', '--config', 'x', 'pa'])).toEqual(['pause']);
    expect(await complete(['roost', 'migration', 'roll'])).toEqual(['rollback']);
  });

  it('knows queues, hosts, graphs and shards in bash', { timeout: 60_000 }, async () => {
    expect(await complete(['roost', 'job', 'pause', 'm'])).toEqual(['medium']);
    expect(await complete(['roost', 'job', 'show', 'high', '--queue', 'f'])).toEqual(['failing']);
    /** On a busy machine a cluster may answer too late. */
    const offers = (...words: string[]) => expect.poll(() => complete(['roost', ...words]), { timeout: 20_000 });
    await offers('host', '--config', configPath, 'drain', 'db').toEqual(['db1', 'db2']);
    await offers('flock', 'check', '--config', configPath, '--settle', '5', 'fo').toEqual(['follows']);
    const shards = ['db1/follows_forward_0000', 'db1/follows_forward_0001'];
    await offers('shard', 'copy', '--config', configPath, 'db2/follows_backward_0000', 'db1/follows_f').toEqual(shards);
    await offers('move', '--config', configPath, shards[0]!, 'db').toEqual(['db1', 'db2']);
  });

  it('says nothing where the cluster does not answer', async () => {
    // Accepts connections, and never sends a greeting.
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const path = join(folder, 'silent.json');
    writeFileSync(
      path,
      JSON.stringify({
        databaseHosts: { db1: { host: '127.0.0.1', port, user: 'a', password: '' } },
        nameServer: { hosts: ['db1'] },
      }),
    );
    for (const file of [path, join(folder, 'nowhere.json')])
      expect(
        (await runRoost(['completion', 'bash', '--values', 'graph', '--config', file], folder)).stdout.trim(),
      ).toBe('');
    silent.close();
  });

  it.each(['zsh', 'fish'])('is a script that %s reads', async (shell) => {
    const { stdout } = await callRoost(['completion', shell], folder);
    expect(stdout).toContain('unwrap');
    const path = join(folder, `completion.${shell}`);
    writeFileSync(path, stdout);
    const found = await run('sh', ['-c', `command -v ${shell}`]).then(
      () => true,
      () => false,
    );
    if (found) await run(shell, ['-n', path]);
  });
});
