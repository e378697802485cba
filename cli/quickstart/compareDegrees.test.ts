import { describe, expect, it } from 'vitest';
import type { Direction, StateCounts } from '../../flock/index.js';
import { DegreeCounter } from '../edges/degreeCounter.js';
import { compareDegrees } from './compareDegrees.js';

describe('compareDegrees', () => {
  const counter = new DegreeCounter();
  counter.add({ sourceIds: BigInt64Array.from([1n, 1n, 2n]), destinationIds: BigInt64Array.from([2n, 3n, 3n]) });
  const degrees = counter.result();
  const right: Record<Direction, bigint[]> = { forward: [0n, 2n, 1n, 0n], backward: [0n, 0n, 1n, 2n] };
  const counts =
    (byId: Record<Direction, bigint[]>) =>
    async (direction: Direction, ids: BigInt64Array): Promise<StateCounts[]> =>
      Array.from(ids, (id) => ({ normal: byId[direction][Number(id)]!, negative: 0n, archived: 0n, removed: 0n }));
  const signal = new AbortController().signal;

  it('finds no difference when all degrees agree', async () => {
    expect(await compareDegrees(degrees, counts(right), signal)).toEqual({
      degreeCount: 6,
      mismatchCount: 0,
      mismatches: [],
    });
  });

  it('names each degree that differs, in either direction', async () => {
    const wrong = { forward: [0n, 3n, 1n, 0n], backward: [0n, 0n, 1n, 1n] };
    expect(await compareDegrees(degrees, counts(wrong), signal)).toEqual({
      degreeCount: 6,
      mismatchCount: 2,
      mismatches: [
        { id: 1n, direction: 'forward', inFile: 2, inGraph: 3n },
        { id: 3n, direction: 'backward', inFile: 2, inGraph: 1n },
      ],
    });
  });

  it('counts a missing answer as a mismatch', async () => {
    expect(await compareDegrees(degrees, async () => [], signal)).toMatchObject({ mismatchCount: 6 });
  });

  it('stops when its signal is aborted', async () => {
    await expect(compareDegrees(degrees, counts(right), AbortSignal.abort(new Error('stopped')))).rejects.toThrow(
      'stopped',
    );
  });
});
