import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { generateEdges } from '../cli/edges/generateEdges.js';
import type { QuickstartReport } from '../cli/quickstart/quickstartReport.js';
import { readPlayground } from '../playground/index.js';
import { roostMain, runRoost } from './runRoost.js';

// Runs on its own servers, so that starting and stopping them is tested too. Processes that stay behind fail the file
// (support/leaks).

describe('quickstart', () => {
  const folder = mkdtempSync(join(tmpdir(), 'roost-tour-'));
  const temporary = join(folder, 'tmp');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('loads a file, agrees with it in every degree, and leaves nothing behind', async () => {
    // A repeated edge counts once, and users may follow themselves.
    writeFileSync(
      join(folder, 'edges.txt'),
      [...generateEdges({ edgeCount: 3_000, userCount: 500, seed: 5 }), '1 1\n', '1 1\n'].join(''),
    );
    const { exitCode, stdout, stderr } = await runRoost(
      ['quickstart', 'edges.txt', '--json', '--dir', 'cluster'],
      folder,
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const report = JSON.parse(stdout) as QuickstartReport;
    expect(report.input).toMatchObject({ file: 'edges.txt', edgeCount: 3_002, distinctEdgeCount: 3_001 });
    expect(report.comparison).toEqual({ degreeCount: report.input.userCount * 2, mismatchCount: 0, mismatches: [] });
    expect(report.tour.contains[0]).toMatchObject({ contains: true });
    expect(report.timelines).toMatchObject({ author: report.tour.mostFollowed[0]!.id, tweets: 40 });
    expect(report.timelines.readers).toBeGreaterThan(1);
    expect(report.timelines.deliveriesPerSecond).toBeGreaterThan(0);
    expect(readdirSync(folder)).toEqual(['edges.txt']);
  }, 60_000);

  it('keeps the cluster when asked, until playground stop ends it', async () => {
    writeFileSync(join(folder, 'edges.txt'), '1 2\n3 2\n');
    const kept = await runRoost(['quickstart', 'edges.txt', '--keep', '--json'], folder);
    expect(kept.exitCode).toBe(0);
    try {
      const { servers } = await readPlayground(join(folder, '.roost'));
      expect(servers.every(({ alive }) => alive)).toBe(true);
      expect((await runRoost(['flock', 'page', 'follows', '2', '--direction', 'backward'], folder)).stdout).toMatch(
        /^[13]\n[13]\n$/,
      );
      expect(await runRoost(['quickstart', '--keep'], folder)).toMatchObject({ exitCode: 12 });
    } finally {
      expect((await runRoost(['playground', 'stop', '--yes'], folder)).exitCode).toBe(0);
    }
    expect(existsSync(join(folder, '.roost'))).toBe(false);
  }, 60_000);

  it.each(['read a generated graph', 'started a server', 'loaded'])(
    'cleans up when stopped after "%s"',
    async (line) => {
      rmSync(temporary, { recursive: true, force: true });
      mkdirSync(temporary);
      const child = spawn(process.execPath, [roostMain, 'quickstart'], {
        cwd: folder,
        env: { ...process.env, TMPDIR: temporary },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const exited = once(child, 'exit');
      for await (const each of createInterface({ input: child.stdout })) {
        if (new RegExp(line).test(each)) child.kill('SIGINT');
      }
      expect(await exited).toEqual([130, null]);
      expect(readdirSync(temporary)).toEqual([]);
    },
    60_000,
  );
});
