import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it, vi } from 'vitest';
import { createLog } from '../process/index.js';
import { ClientLines } from './clientLines.js';

afterEach(() => vi.useRealTimers());

it('writes a few lines a second for each reason, and how many it left out', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const log = new PassThrough();
  const written = text(log);
  const lines = new ClientLines(createLog('warn', log));
  for (let i = 0; i < 1_000; i++) lines.write('warn', 'unauthenticated', { client: `${i}` }, 'a wrong token');
  lines.write('warn', 'malformed', {}, 'no message');
  vi.advanceTimersByTime(1_000);
  lines.write('warn', 'unauthenticated', {}, 'one more');
  log.end();
  const messages = (await written).trimEnd().split('\n');
  expect(messages.length).toBe(13);
  expect(messages.slice(-3).map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({ reason: 'malformed' }),
    expect.objectContaining({ reason: 'unauthenticated', count: 990 }),
    expect.objectContaining({ msg: 'one more' }),
  ]);
});
