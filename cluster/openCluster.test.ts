import { afterEach, expect, it } from 'vitest';
import { RoostError } from '../core/index.js';
import { freshCluster } from '../test/support/index.js';
import { type Cluster, defineStore, openCluster, type Store, withUsed } from './index.js';

const { config } = freshCluster('compose');
const open: Cluster[] = [];
afterEach(() => Promise.all(open.splice(0).map((cluster) => cluster.close())));

/** A store without shards that writes down what is done to it. */
const recorded = <const Name extends string, const Uses extends readonly Store[]>(
  name: Name,
  said: string[],
  uses: Uses,
) =>
  defineStore({
    name,
    uses,
    open: ({ stores }) => (said.push(`open ${name} on ${Object.keys(stores).join()}`), { name }),
    shardTypes: () => [],
    jobTypes: () => [],
    start: () => void said.push(`start ${name}`),
    close: async (opened) => void said.push(`close ${opened.name}`),
  });

it('opens a store behind those that it uses, starts it where it works, and closes it before them', async () => {
  const said: string[] = [];
  const below = recorded('below', said, []);
  const above = recorded('above', said, [below]);
  const cluster = await openCluster(config, [above], { work: true, create: true });
  expect(cluster.stores.above).toEqual({ name: 'above' });
  await cluster[Symbol.asyncDispose]();
  await cluster.close();
  expect(said).toEqual([
    'open below on ',
    'open above on below',
    'start below',
    'start above',
    'close above',
    'close below',
  ]);
});

it('uses the given store in place of another of its name', () => {
  const below = recorded('below', [], []);
  const given = { ...below, uses: undefined };
  expect(withUsed([recorded('above', [], [below]), given] as Store[])[0]).toBe(given);
});

it('refuses two stores of one name, and stores that use each other', () => {
  const one: Store = recorded('one', [], []);
  const other: Store = { ...recorded('other', [], []), uses: [one] };
  expect(() => withUsed([one, { ...one }])).toThrow('two stores are named one');
  expect(() => withUsed([{ ...one, uses: [other] }])).toThrow('stores use each other: one, other, one');
});

it('refuses two stores that bring one kind of job, and closes what it had opened', async () => {
  const said: string[] = [];
  const job = { kind: 'test.same', split: () => undefined, apply: async () => [] };
  const bringing = (name: string): Store => ({ ...recorded(name, said, []), jobTypes: () => [job] });
  await expect(openCluster(config, [bringing('one'), bringing('other')])).rejects.toThrow(
    'two stores bring the kind of job test.same',
  );
  expect(said).toEqual(['open one on ', 'open other on one', 'close other', 'close one']);
});

it('refuses to register types once it has started', async () => {
  const cluster = await openCluster(config, [], { create: true });
  open.push(cluster);
  expect(() => cluster.gizzard.register({ shardTypes: [], jobTypes: [] })).toThrow(RoostError);
});
