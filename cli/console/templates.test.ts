import { describe, expect, it } from 'vitest';
import { AttributeForms, emptyTopology, Topology, type Gizzard } from '../../gizzard/index.js';
import { completed, templateArgument } from './templates.js';

describe('a template as an argument', () => {
  const stores = [{ name: 'graphs', toolClasses: { SqlShard: 'edges' } }, { name: 'notes' }];
  const parse = templateArgument({ stores: stores as never });
  const gizzard = {
    topology: new Topology(emptyTopology),
    shardType: (name: string) => (['edges', 'notes'].includes(name) ? { name } : undefined),
    attributes: new AttributeForms(),
  } as unknown as Gizzard;

  it('takes the types of all stores, and the classes of the old tools', () => {
    const leaves = (text: string) => completed(gizzard, parse(text)).children.map(({ type, host }) => [type, host]);
    expect(leaves('replicating(notes(db1), notes(db2))')).toEqual([
      ['notes', 'db1'],
      ['notes', 'db2'],
    ]);
    expect(leaves('ReplicatingShard -> com.twitter.flockdb.SqlShard(db1)')).toEqual([['edges', 'db1']]);
  });

  it('refuses a leaf of a type that no store brings', () => {
    expect(() => completed(gizzard, parse('replicating(noets(db1))'))).toThrow(
      'the template has a leaf of type noets, which no store brings',
    );
  });
});
