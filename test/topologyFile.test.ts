import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callRoost } from './callRoost.js';
import type { Finished } from './runRoost.js';
import { freshCluster } from './support/index.js';

const { configPath } = freshCluster('topologyfile');
const folder = mkdtempSync(join(tmpdir(), 'roost-topology-file-'));
const roost = (...args: string[]): Promise<Finished> => callRoost([...args, '--config', configPath], folder);
const file = join(folder, 'topology.json');
const edit = (change: (text: string) => string): void => writeFileSync(file, change(readFileSync(file, 'utf8')));

beforeAll(async () => {
  expect((await roost('graph', 'create', 'follows', '--shards', '2', '--replicas', '2')).exitCode).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the topology as a file', () => {
  it('is the same to the letter when it is exported twice, and differs in nothing from the cluster', async () => {
    expect(await roost('topology', 'export', '--file', 'topology.json')).toMatchObject({ exitCode: 0 });
    expect((await roost('topology', 'export')).stdout).toBe(readFileSync(file, 'utf8'));
    expect((await roost('topology', 'diff', 'topology.json')).stdout).toContain(
      'nothing: the cluster has this topology',
    );
    expect((await roost('topology', 'apply', 'topology.json')).stdout).toContain('nothing to change');
  });

  it('shows what it would change, asks, and makes it as one change', async () => {
    edit((text) =>
      text
        .replace('"db1/follows_forward_0000","weight":1', '"db1/follows_forward_0000","weight":0')
        .replace('"db2/follows_forward_0000","weight":1', '"db2/follows_forward_0000","weight":0'),
    );
    const lost = 'no replica can be read below localhost/follows_forward_0000_root';
    const shown = await roost('topology', 'diff', 'topology.json');
    expect(shown.stdout).toContain('link localhost/follows_forward_0000_root → db1/follows_forward_0000, weight 0');
    expect(shown.stdout).toContain(lost);
    const edited = 'topology.json is not as it was exported: it was edited since, or is damaged';
    expect(shown.stdout).toContain(edited);
    const refused = await roost('topology', 'apply', 'topology.json');
    expect(refused.exitCode).toBe(13);
    expect(refused.stdout).toContain(edited);
    expect(refused.stderr).toContain(lost);
    expect(refused.stderr).toContain('--yes');
    expect((await roost('topology', 'apply', 'topology.json', '--yes')).stdout).toContain('made 2 changes');
    expect((await roost('link', 'list', 'db1/follows_forward_0000', '--json')).stdout).toContain('"weight":0');
  });

  it('is refused where the cluster has changed since it was made, unless it names no version', async () => {
    edit((text) => text.replaceAll('"weight":0', '"weight":1'));
    const stale = await roost('topology', 'apply', 'topology.json', '--yes');
    expect(stale).toMatchObject({ exitCode: 13, stdout: '' });
    expect(stale.stderr).toMatch(/was made of topology \d+, and the cluster has \d+ by now/);
    edit((text) => text.replace(/ *"version": \d+,\n/, ''));
    expect((await roost('topology', 'apply', 'topology.json', '--yes')).exitCode).toBe(0);
    expect((await roost('link', 'list', 'db1/follows_forward_0000', '--json')).stdout).toContain('"weight":1');
  });

  it('names the place and the fault of an invalid file', async () => {
    writeFileSync(join(folder, 'bad.json'), '{"links": [{"parent": "db1", "child": "db2/x"}]}');
    for (const verb of ['diff', 'apply']) {
      const refused = await roost('topology', verb, 'bad.json');
      expect(refused.exitCode).toBe(10);
      expect(refused.stderr).toContain('links.0.parent: "db1" is no shard id');
    }
    expect((await roost('topology', 'diff', 'absent.json')).stderr).toContain('absent.json cannot be read');
  });
});
