import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import type { CliIo } from './cliIo.js';
import { Progress } from './progress.js';

it('shows the share done of a total that grows', () => {
  const stderr = Object.assign(new PassThrough(), {
    isTTY: true,
    columns: 120,
    clearLine: () => true,
    cursorTo: () => true,
    moveCursor: () => true,
  });
  const progress = new Progress({ stderr, environment: {} } as unknown as CliIo, 'applying jobs', 40, false);
  for (const jobs of [40, 30, 50, 20]) progress.left(jobs);
  progress.stop();
  // At a total of 50, 30 are applied.
  expect(stderr.setEncoding('utf8').read()).toMatch(/applying jobs .*60% · 30 of 50 · [\d,]+\/s · .* left/s);
});
