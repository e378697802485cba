import { appendFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { torture } from './torture/torture.js';

// Servers, databases, Redis, caches, clocks, disks and the connections between them fail, singly and in pairs, under
// clients that record every answer. `npm run torture` sets these variables.
const number = (name: string, absent: number): number => Number(process.env[name] ?? absent);
const minutes = number('ROOST_TEST_MINUTES', Infinity);
const faults = process.env['ROOST_TEST_FAULTS'];
/** A file for the shortest history of each failed round. */
const kept = process.env['ROOST_TEST_KEEP'];

it('keeps every promise through single faults and pairs of them', { timeout: 0 }, async () => {
  const { failed } = await torture({
    firstSeed: number('ROOST_TEST_SEED', 1),
    rounds: number('ROOST_TEST_ROUNDS', Number.isFinite(minutes) ? Infinity : 30),
    minutes,
    ...(faults === undefined ? {} : { faults: faults.split(',').filter((name) => name !== '') }),
    say: (line) => void process.stdout.write(`${line}\n`),
    ...(kept === undefined ? {} : { keep: (text) => appendFileSync(kept, text) }),
  });
  expect(failed).toEqual([]);
});
