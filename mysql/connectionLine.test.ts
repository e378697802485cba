import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Cancellation, Deadline } from '../core/index.js';
import { ConnectionLine } from './connectionLine.js';

const remote = (cancellation = new Cancellation()): Deadline => Deadline.after(60_000, cancellation);
const own = (): Deadline => Deadline.after(60_000);

it("refuses a remote caller's work that waits for long, and keeps the rest in line", async () => {
  const line = new ConnectionLine('db', 1, 10);
  const leave = await line.enter(own());
  const [job, read] = [line.enter(own()), line.enter(remote())];
  await expect(read).rejects.toMatchObject({
    code: 'Overloaded',
    retryAfterMs: expect.any(Number) as number,
    fields: { host: 'db', load: 'connections' },
  });
  leave();
  (await job)();
  (await line.enter(remote()))();
});

it('lets remote callers wait for as long as connections are held anyway, where statements are slow', async () => {
  const line = new ConnectionLine('db', 1, 10);
  for (let i = 0; i < 2; i++) {
    const leave = await line.enter(own());
    await sleep(700);
    leave();
  }
  const leave = await line.enter(own());
  const read = line.enter(remote());
  await sleep(60);
  leave();
  (await read)();
});

it('gives up the place of a client that has gone', async () => {
  const line = new ConnectionLine('db', 1, 1);
  const leave = await line.enter(own());
  const cancellation = new Cancellation();
  const gone = line.enter(remote(cancellation));
  cancellation.cancel();
  await expect(gone).rejects.toMatchObject({ code: 'Unavailable' });
  const next = line.enter(own());
  await expect(line.enter(own())).rejects.toMatchObject({ code: 'Overloaded' });
  leave();
  (await next)();
});

it('fails those that wait when it is closed', async () => {
  const line = new ConnectionLine('db', 0, 1);
  const waiting = line.enter(own());
  line.close(new Error('closed') as never);
  await expect(waiting).rejects.toThrow('closed');
  await expect(line.enter(own())).rejects.toThrow('closed');
});
