import { expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { Gate } from '../test/inMemory/gate.js';
import { Turns } from './turns.js';

const long = Deadline.after(60_000);

it('runs as many as it may at once, and the others in order', async () => {
  const turns = new Turns(2, 10);
  const gate = new Gate();
  const order: number[] = [];
  const runs = [1, 2, 3, 4].map((n) =>
    turns.run(async () => {
      order.push(n);
      await gate.pass();
      return n;
    }, long),
  );
  await gate.hasHeld(2);
  expect(order).toEqual([1, 2]);
  gate.open();
  expect(await Promise.all(runs)).toEqual([1, 2, 3, 4]);
  expect(order).toEqual([1, 2, 3, 4]);
});

it('refuses callers past the bound of the queue', async () => {
  const turns = new Turns(1, 1);
  const gate = new Gate();
  const first = turns.run(() => gate.pass(), long);
  const second = turns.run(() => gate.pass(), long);
  await expect(turns.run(() => gate.pass(), long)).rejects.toMatchObject({ code: 'Overloaded' });
  gate.open();
  await Promise.all([first, second]);
});

it('gives up a turn that does not come before the deadline, and passes it on', async () => {
  const turns = new Turns(1, 10);
  const gate = new Gate();
  const first = turns.run(() => gate.pass(), long);
  await expect(turns.run(async () => 'late', Deadline.after(5))).rejects.toMatchObject({ code: 'DeadlineExceeded' });
  const third = turns.run(async () => 'third', long);
  gate.open();
  await first;
  expect(await third).toBe('third');
});

it('passes the turn on after a failure', async () => {
  const turns = new Turns(1, 10);
  const failing = turns.run(() => Promise.reject(new Error('no')), long);
  const next = turns.run(async () => 'next', long);
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe('next');
});

it('narrows when a server is busy, once for all that was refused at once, and widens again with answers', async () => {
  const turns = new Turns(100, 1_000);
  for (let i = 0; i < 50; i++) turns.narrow();
  expect(turns.window).toBe(70);
  const gate = new Gate();
  const runs = Array.from({ length: 90 }, () => turns.run(() => gate.pass(), long));
  await gate.hasHeld(70);
  expect(gate.waiting).toBe(70);
  for (let i = 0; i < 71; i++) turns.widen();
  expect(turns.window).toBe(71);
  gate.open();
  await Promise.all(runs);
  for (let i = 0; i < 10_000; i++) turns.widen();
  expect(turns.window).toBe(100);
});
