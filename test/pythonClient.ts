import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

export interface PythonTools {
  readonly python: string;
}

/** Returns a python with thrift, and Thrift's compiler; or the reason why the client cannot run here. */
export async function findPythonTools(): Promise<PythonTools | string> {
  try {
    await run('thrift', ['--version']);
  } catch {
    return 'the Thrift compiler is missing (Debian package thrift-compiler)';
  }
  for (const python of ['python3', '/usr/bin/python3']) {
    try {
      await run(python, ['-c', 'import thrift']);
      return { python };
    } catch {
      // The next one may have it.
    }
  }
  return 'no python3 has thrift (Debian package python3-thrift)';
}

export interface PythonRun {
  readonly host: string;
  readonly port: number;
  readonly framed: boolean;
  readonly graphId: number;
  /** A node without edges in that graph, nor with edges to the five ids after it. */
  readonly sourceId: bigint;
  /** Absent: the connection is not encrypted. */
  readonly tls?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
}

/** Generates Python code from the IDL, runs test/python/flockdbClient.py with it, and returns the output. */
export async function runPythonClient(
  { python }: PythonTools,
  { host, port, framed, graphId, sourceId, tls }: PythonRun,
): Promise<unknown> {
  const generated = mkdtempSync(join(tmpdir(), 'roost-python-'));
  try {
    await run('thrift', ['--out', generated, '--gen', 'py', join(root, 'wire/idl/flockdb.thrift')]);
    const script = join(root, 'test/python/flockdbClient.py');
    const args = [
      '-B',
      script,
      generated,
      host,
      String(port),
      framed ? 'framed' : 'unframed',
      String(graphId),
      String(sourceId),
      ...(tls === undefined ? [] : [tls.caFile, tls.certFile, tls.keyFile]),
    ];
    const { stdout } = await run(python, args, { timeout: 25_000 });
    return JSON.parse(stdout);
  } finally {
    rmSync(generated, { recursive: true, force: true });
  }
}

/** Checks the output of flockdbClient.py, run against graph 1 of a working service. */
export function expectPythonAnswers(answers: unknown, sourceId: bigint): void {
  const base = Number(sourceId);
  expect(answers).toEqual({
    edge: [base, base + 2, 2, 1_300_000_000, 0],
    metadata: [base, 0, 3],
    first: { ids: [base + 4, base + 3], next: '3', prev: '0' },
    second: { ids: [base + 2], next: '0', prev: '-2' },
    back: { ids: [base + 4, base + 3], next: '3', prev: '0' },
    intersection: { ids: [base + 3, base + 2], next: '0', prev: '0' },
    counts: [3, 2],
    old_count: 3,
    old_select: { ids: [base + 4, base + 3, base + 2], next: '0', prev: '0' },
    edges: [
      [base, base + 5, 3],
      [base, base + 1, 1],
    ],
    errors: {
      no_edge: `Record not found: (${base}, 1, ${base})`,
      no_metadata: `Record not found: (${base + 1000}, 1)`,
      no_graph: expect.stringContaining('9999') as string,
      one_operand: 'Need two sub-queries to do an intersection',
      two_left: 'Left 2 items on the stack instead of 1',
      no_destinations: null,
      negative_id: expect.stringContaining('source_id must be an integer from 0') as string,
      half_an_id: expect.stringContaining('multiple of 8 bytes') as string,
    },
    still_connected: true,
  });
}
