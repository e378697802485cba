import type { Direction, StateCounts } from '../../flock/index.js';
import type { Degrees } from '../edges/degreeCounter.js';

export interface DegreeMismatch {
  readonly id: bigint;
  readonly direction: Direction;
  readonly inFile: number;
  readonly inGraph: bigint;
}

export interface DegreeComparison {
  /** Two for each node: its out-degree and its in-degree. */
  readonly degreeCount: number;
  readonly mismatchCount: number;
  /** The first few. */
  readonly mismatches: readonly DegreeMismatch[];
}

const nodesPerCall = 2_000;
const mismatchesShown = 10;

/** Compares the counters of every node, in both directions, with the degrees in the file. */
export async function compareDegrees(
  degrees: Degrees,
  counts: (direction: Direction, ids: BigInt64Array) => Promise<readonly StateCounts[]>,
  signal: AbortSignal,
): Promise<DegreeComparison> {
  const mismatches: DegreeMismatch[] = [];
  let mismatchCount = 0;
  const compare = async (direction: Direction, from: number): Promise<void> => {
    const ids = degrees.ids.subarray(from, from + nodesPerCall);
    const expected = direction === 'forward' ? degrees.outDegrees : degrees.inDegrees;
    const found = await counts(direction, ids);
    ids.forEach((id, index) => {
      const inFile = expected[from + index]!;
      const inGraph = found[index]?.normal ?? -1n;
      if (inGraph === BigInt(inFile)) return;
      mismatchCount += 1;
      if (mismatches.length < mismatchesShown) mismatches.push({ id, direction, inFile, inGraph });
    });
  };
  for (let from = 0; from < degrees.ids.length; from += nodesPerCall) {
    signal.throwIfAborted();
    await Promise.all([compare('forward', from), compare('backward', from)]);
  }
  return { degreeCount: degrees.ids.length * 2, mismatchCount, mismatches };
}
