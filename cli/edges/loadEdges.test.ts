import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits, RoostError } from '../../core/index.js';
import { EdgeFile } from './edgeFile.js';
import { loadEdges, quantile, type LoadEdgesOptions } from './loadEdges.js';
import { waitUntilMaterialized, type JournalCounts } from './waitUntilMaterialized.js';

describe('loadEdges', () => {
  const folder = mkdtempSync(join(tmpdir(), 'roost-load-'));
  const edgeCount = limits.bulkWriteEdges * 10 + 1;
  let file: EdgeFile;
  beforeAll(async () => {
    writeFileSync(join(folder, 'edges.txt'), Array.from({ length: edgeCount }, (_, i) => `${i} ${i + 1}\n`).join(''));
    file = await EdgeFile.open(join(folder, 'edges.txt'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const load = (options: Pick<LoadEdgesOptions, 'write'> & Partial<LoadEdgesOptions>) =>
    loadEdges(file, { inFlight: 3, skipBad: false, signal: new AbortController().signal, ...options });

  it('writes every edge once, with no more batches in flight than allowed', async () => {
    const seen = new Set<bigint>();
    let underWay = 0;
    let most = 0;
    let acknowledged = 0;
    const loaded = await load({
      write: async ({ sourceIds }) => {
        most = Math.max(most, ++underWay);
        await turn();
        for (const id of sourceIds) seen.add(id);
        underWay -= 1;
      },
      onAcknowledged: (count) => (acknowledged += count),
    });
    expect(seen.size).toBe(edgeCount);
    expect(acknowledged).toBe(edgeCount);
    expect(most).toBe(3);
    expect(loaded).toMatchObject({ edgeCount, badLineCount: 0 });
    expect(loaded.acknowledgmentMs).toHaveLength(11);
  });

  it('stops at the first error, once the batches in flight have ended', async () => {
    let underWay = 0;
    let started = 0;
    const write = async (): Promise<void> => {
      started += 1;
      underWay += 1;
      await turn();
      underWay -= 1;
      if (started >= 4) throw new RoostError('Overloaded', 'full');
    };
    await expect(load({ write })).rejects.toMatchObject({ code: 'Overloaded' });
    expect(underWay).toBe(0);
    expect(started).toBeLessThan(11);
  });

  it('sends a batch only when the pace lets it', async () => {
    let admitted = 0;
    let sent = 0;
    const pace = {
      admit: async (rows: number): Promise<void> => {
        expect(admitted).toBe(sent);
        admitted += rows;
      },
    };
    await load({ write: async ({ sourceIds }) => void (sent += sourceIds.length), pace });
    expect([admitted, sent]).toEqual([edgeCount, edgeCount]);
  });

  it('stops when its signal is aborted', async () => {
    const stop = new AbortController();
    await expect(load({ write: async () => stop.abort(new Error('stopped')), signal: stop.signal })).rejects.toThrow(
      'stopped',
    );
  });
});

describe('waitUntilMaterialized', () => {
  const signal = new AbortController().signal;
  const states = (...counts: Partial<JournalCounts>[]) => {
    let next = 0;
    const ask = async (): Promise<JournalCounts> => ({
      queued: { high: 0, medium: 0, low: 0 },
      failing: 0,
      bad: 0,
      ...counts[Math.min(next++, counts.length - 1)],
    });
    return { ask, asked: () => next };
  };

  it('waits until nothing is queued or failing', async () => {
    const { ask, asked } = states({ queued: { high: 2, medium: 0, low: 0 } }, { failing: 1 }, {});
    const left: number[] = [];
    await waitUntilMaterialized(ask, signal, { onWaiting: (jobs) => left.push(jobs) });
    expect(asked()).toBe(3);
    expect(left).toEqual([2, 1, 0]);
  });

  it('waits for one queue, whatever others hold', async () => {
    const { ask, asked } = states(
      { queued: { high: 5, medium: 5, low: 1 } },
      { queued: { high: 5, medium: 5, low: 0 } },
    );
    await waitUntilMaterialized(ask, signal, { priority: 'low' });
    expect(asked()).toBe(2);
  });

  it('reports jobs that were given up since it began', async () => {
    await expect(waitUntilMaterialized(states({ bad: 3 }).ask, signal, { badBefore: 1 })).rejects.toMatchObject({
      code: 'DataLoss',
      fields: { bad: '3' },
    });
    await waitUntilMaterialized(states({ bad: 3 }).ask, signal, { badBefore: 3 });
  });
});

describe('quantile', () => {
  it('returns the value below which a share of the values lies', () => {
    const values = Array.from({ length: 100 }, (_, i) => i);
    expect([quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1), quantile([], 0.5)]).toEqual([
      50, 99, 99, 0,
    ]);
  });
});
