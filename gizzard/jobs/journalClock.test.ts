import { expect, it } from 'vitest';
import { notesCluster } from '../../test/support/notesCluster.js';
import { microsOf } from '../../redis/index.js';

const cluster = notesCluster('journal_clock', {});

it("tells the time of the journal's Redis, whatever this process's wall clock says", async () => {
  const { journal } = (await cluster.open({ work: false })).jobs;
  const redisMs = async (): Promise<number> => Math.floor(microsOf(await cluster.redis.time()) / 1_000);
  const ours = Date.now;
  Date.now = () => 0;
  try {
    const before = await redisMs();
    const first = await journal.nowMs();
    const second = await journal.nowMs();
    const after = await redisMs();
    expect(first).toBeGreaterThanOrEqual(before);
    expect(second).toBeGreaterThanOrEqual(first);
    expect(second).toBeLessThanOrEqual(after);
  } finally {
    Date.now = ours;
  }
});
