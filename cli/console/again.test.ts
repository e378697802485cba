import { expect, it } from 'vitest';
import { recordedIo } from '../../test/callRoost.js';
import { RoostError } from '../../core/index.js';
import { again } from './again.js';
import { Output } from './output.js';

it('runs once without --watch', async () => {
  const { io } = recordedIo('.');
  let looks = 0;
  await again(io, {}, new Output(io, false), async () => void looks++);
  expect(looks).toBe(1);
});

it('repeats until it is stopped, also while the cluster does not answer', async () => {
  const { io, written } = recordedIo('.');
  const stop = new AbortController();
  let looks = 0;
  const watching = again({ ...io, signal: stop.signal }, { watch: 0.01 }, new Output(io, false), async () => {
    looks++;
    if (looks === 2) throw new RoostError('Unavailable', 'db1 does not answer');
    if (looks === 4) stop.abort();
  });
  await expect(watching).rejects.toMatchObject({ name: 'AbortError' });
  expect(looks).toBe(4);
  expect(written.stdout).toBe('cannot look now, looking again: db1 does not answer\n');
});

it('ends at an error that a repetition would not cure', async () => {
  const { io } = recordedIo('.');
  const failing = again(io, { watch: 1 }, new Output(io, false), async () => {
    throw new RoostError('InvalidArgument', 'no such thing');
  });
  await expect(failing).rejects.toThrow('no such thing');
});
