import { expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { leaf, node, topologyOf } from '../../test/conformance/trees.js';
import type { DatabaseHost } from '../../mysql/index.js';
import { Topology } from '../topology/topology.js';
import type { Movable, MovableTable } from './movable.js';
import { toldOfWrites } from './toldOfWrites.js';

const topology = new Topology(topologyOf(node('replicating', leaf('read'), node('writeOnly', leaf('filled')))));
const host = {} as DatabaseHost;

/** What happens on a write of two rows to a leaf, in order. */
async function happens(hostname: string, write: () => Promise<void> = () => Promise.resolve()): Promise<string[]> {
  const seen: string[] = [];
  const table = {
    name: 'rows',
    key: String,
    write: () => {
      seen.push('write');
      return write();
    },
  } as unknown as MovableTable;
  const movable = toldOfWrites(
    { tables: [table] } as unknown as Movable,
    () => topology,
    ({ keys, tableId }) => {
      seen.push(`told of ${keys.join()} in ${tableId}`);
      return Promise.resolve();
    },
  );
  await movable.tables[0]!.write(
    host,
    topology.shard({ hostname, tablePrefix: 'leaf' }),
    ['a', 'b'],
    Deadline.after(1_000),
  ).catch((error: Error) => seen.push(error.message));
  return seen;
}

it('announces rows that readers may have cached, before and after they are written', async () => {
  expect(await happens('read')).toEqual(['told of a,b in 1', 'write', 'told of a,b in 1']);
});

it('has announced rows when the end of their write is not known', async () => {
  expect(await happens('read', () => Promise.reject(new Error('cut off')))).toEqual([
    'told of a,b in 1',
    'write',
    'cut off',
  ]);
});

it('announces nothing for a shard that serves no reads', async () => {
  expect(await happens('filled')).toEqual(['write']);
});
