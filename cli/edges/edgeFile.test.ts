import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DegreeCounter } from './degreeCounter.js';
import { EdgeFile } from './edgeFile.js';
import { generateEdges } from './generateEdges.js';

describe('EdgeFile', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'roost-edges-'))));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, content: string | Buffer): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const text = [...generateEdges({ edgeCount: 20_000, userCount: 5_000, seed: 7 })].join('');

  it('reads plain and gzip alike, whatever the name', async () => {
    const plain = await EdgeFile.open(file('plain.gz', text));
    const packed = await EdgeFile.open(file('packed.txt', gzipSync(text)));
    const read = async (edges: EdgeFile) => {
      const ids: bigint[] = [];
      const summary = await edges.check({}, (batch) => ids.push(...batch.sourceIds, ...batch.destinationIds));
      return { summary, ids };
    };
    const first = await read(plain);
    expect(first.summary).toEqual({ edgeCount: 20_000, badLineCount: 0, firstBadLine: undefined });
    expect(await read(packed)).toEqual(first);
    expect(await read(packed)).toEqual(first);
  });

  it('reads no edges from an empty file', async () => {
    expect(await (await EdgeFile.open(file('empty', ''))).check()).toMatchObject({ edgeCount: 0 });
  });

  it('says that a gzip is truncated, and where', async () => {
    const packed = gzipSync(text);
    const edges = await EdgeFile.open(file('cut.gz', packed.subarray(0, packed.length / 2)));
    await expect(edges.check()).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringMatching(/cut\.gz: the gzip is truncated: .* after line \d+$/) as string,
    });
  });

  it('says that a gzip is damaged', async () => {
    const packed = gzipSync(text);
    packed.fill(0xff, packed.length / 2, packed.length / 2 + 100);
    const edges = await EdgeFile.open(file('damaged.gz', packed));
    await expect(edges.check()).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining('the gzip is damaged') as string,
    });
  });

  it('says that a file is missing, or is no regular file', async () => {
    await expect(EdgeFile.open(join(folder, 'absent'))).rejects.toMatchObject({ code: 'NotFound' });
    await expect(EdgeFile.open(folder)).rejects.toMatchObject({ code: 'InvalidArgument' });
  });

  it('counts distinct degrees as a plain count does', async () => {
    const edges = await EdgeFile.open(file('twice', text + text));
    const counter = new DegreeCounter();
    await edges.check({}, (batch) => counter.add(batch));
    const degrees = counter.result();
    expect(degrees.edgeCount).toBe(20_000);

    const followers = new Map<string, number>();
    const followed = new Map<string, number>();
    for (const line of text.trimEnd().split('\n')) {
      const [source, destination] = line.split(' ') as [string, string];
      followed.set(source, (followed.get(source) ?? 0) + 1);
      followers.set(destination, (followers.get(destination) ?? 0) + 1);
    }
    expect(degrees.ids.length).toBe(new Set([...followers.keys(), ...followed.keys()]).size);
    degrees.ids.forEach((id, i) => {
      expect(degrees.inDegrees[i]).toBe(followers.get(String(id)) ?? 0);
      expect(degrees.outDegrees[i]).toBe(followed.get(String(id)) ?? 0);
    });
  });
});

describe('generateEdges', () => {
  const graph = { edgeCount: 5_000, userCount: 1_000, seed: 1 };

  it('gives the same distinct edges for a seed, and others for another', () => {
    const lines = [...generateEdges(graph)];
    expect(new Set(lines).size).toBe(5_000);
    expect([...generateEdges(graph)]).toEqual(lines);
    expect([...generateEdges({ ...graph, seed: 2 })]).not.toEqual(lines);
  });

  it('gives few users most of the followers', () => {
    const followers = new Map<string, number>();
    for (const line of generateEdges(graph)) {
      const destination = line.trim().split(' ')[1]!;
      followers.set(destination, (followers.get(destination) ?? 0) + 1);
    }
    const counts = [...followers.values()].sort((a, b) => b - a);
    const top = counts.slice(0, 100).reduce((sum, count) => sum + count, 0);
    // With equal chances the first tenth would have a tenth.
    expect(top).toBeGreaterThan(5_000 / 3);
  });
});
