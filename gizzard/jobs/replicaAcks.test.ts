import { expect, it } from 'vitest';
import { ReplicaCounts } from './replicaAcks.js';

it('misses a replica for thirty seconds, also if another had left before it', () => {
  const counts = new ReplicaCounts(1);
  const most: number[] = [];
  for (let second = 0; second <= 80; second++) {
    counts.saw(second < 10 ? 3 : second < 38 ? 2 : second < 60 ? 1 : 2, second * 1_000);
    most.push(counts.most);
  }
  expect(most.slice(0, 39)).toEqual(new Array(39).fill(3));
  expect(most.slice(39, 67)).toEqual(new Array(28).fill(2));
  expect(most.slice(67)).toEqual(new Array(14).fill(2));
  expect(counts.connected).toBe(2);
});
