import { expect, it } from 'vitest';
import { verdictOf } from './benchmark.js';
import { pageOf } from './page.js';
import { ofRounds, spread } from './statistics.js';

it.each([
  { samples: [0.9, 0.91, 0.92, 0.9, 0.93], target: { atLeast: 0.8 }, verdict: 'met' },
  { samples: [0.7, 0.71, 0.72, 0.7, 0.73], target: { atLeast: 0.8 }, verdict: 'MISSED' },
  { samples: [0.7, 0.9, 0.82, 0.75, 0.95], target: { atLeast: 0.8 }, verdict: 'noisy' },
  { samples: [1, 1.2, 1.1, 1.05, 1.15], target: { atMost: 2 }, verdict: 'met' },
  // One round that a pause of the machine met does not make the others noisy.
  { samples: [1, 1.2, 1.1, 1.05, 9], target: { atMost: 2 }, verdict: 'met' },
])('says $verdict of $samples', ({ samples, target, verdict }) => {
  expect(verdictOf({ name: 'ours / theirs', unit: '', ...ofRounds(samples), target })).toBe(verdict);
});

it('gives a verdict on a single measurement, and none without a target', () => {
  expect(verdictOf({ name: 'p50', unit: 'ms', value: 3, target: { atMost: 2 } })).toBe('MISSED');
  expect(verdictOf({ name: 'p50', unit: 'ms', value: 3 })).toBeUndefined();
});

it('reports the middle half of the rounds as their spread', () => {
  expect(spread([5, 1, 3, 2, 4])).toEqual({ low: 2, high: 4 });
  expect(spread([1, 2])).toEqual({ low: 1.25, high: 1.75 });
});

it('writes a page with what each benchmark means, its figures, and those with a target first', () => {
  const page = pageOf({
    measuredAt: '2026-01-02T03:04:05.000Z',
    node: 'v20.0.0',
    machine: '2 cores',
    quick: true,
    seed: 7,
    seconds: 12.3,
    results: [
      {
        name: 'tweetReads',
        about: 'tweets by id.',
        meaning: 'How long a page takes.',
        figures: [
          { name: 'RPC / raw', unit: '', ...ofRounds([1, 1.1, 1.2]), target: { atMost: 1.6 } },
          { name: 'raw', unit: 'reads/s', value: 12_345 },
        ],
      },
    ],
  });
  expect(page).toContain('| [tweetReads](#tweetreads) | RPC / raw | 1.10 | 1.05 – 1.15 | ≤ 1.6 | met |');
  expect(page).toContain('How long a page takes.\n\nMeasured: tweets by id. Again: `npm run bench -- tweetReads`');
  expect(page).toContain('| raw | 12,345 reads/s |  |');
});
