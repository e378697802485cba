import { expect, it } from 'vitest';
import { explainRead, seenAtOnce } from './checkRegister.js';
import { absent, type Write } from './history.js';

const write = (at: number, value: string, rest: Partial<Write> = {}): Write => ({
  register: 'tweet 1',
  value,
  client: 'both',
  acknowledgment: 'materialized',
  outcome: 'ok',
  invokedMs: at,
  answeredMs: at + 5,
  latestMs: at + 5,
  ...rest,
});
const explain = (value: string, writes: readonly Write[]): string | undefined => {
  const read = { value, invokedMs: 100, answeredMs: 110 };
  return explainRead(read, writes, seenAtOnce(read));
};

it('must show a materialized write, and need not show one that is only journaled', () => {
  expect(explain(absent, [write(10, 'a')])).toMatch(/^shows absent, and not a/);
  expect(explain(absent, [write(10, 'a', { acknowledgment: 'journaled' })])).toBeUndefined();
  expect(explain('a', [write(10, 'a'), write(20, 'b', { outcome: 'failed' })])).toBeUndefined();
  expect(explain('b', [write(10, 'a'), write(20, 'b', { outcome: 'failed' })])).toMatch(/which was refused$/);
});

it('must show an undelete once the create that brings the content is materialized too', () => {
  const undone = (create: Write): string | undefined => explain(absent, [create, write(20, 'a', { of: create })]);
  expect(undone(write(10, 'a'))).toMatch(/^shows absent, and not a/);
  expect(undone(write(10, 'a', { acknowledgment: 'journaled' }))).toBeUndefined();
});
