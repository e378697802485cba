import { expect, it } from 'vitest';
import {
  behaviors,
  nodeType,
  readOrder,
  Topology,
  topologyWarnings,
  type Behavior,
  type NodeType,
  type Route,
} from '../../gizzard/index.js';
import { leaf, node, topologyOf } from './trees.js';

/** Declares the tests that every node type must pass, whatever it imposes. */
export function nodeTypeConformance(type: NodeType): void {
  const routeOf = (...nesting: string[]): Route =>
    new Topology(topologyOf(nesting.reduceRight((below, name) => node(name, below), leaf('db1')))).route(1, 0n);
  const onLeaf = (route: Route): { read: Behavior; write: Behavior } => ({
    read: route.leaves[0]!.read,
    write: route.leaves[0]!.write,
  });

  it('is found by its name, which is no leaf type', () => {
    expect(nodeType(type.name)).toBe(type);
    expect(type.name).toMatch(/^[a-z][A-Za-z]{0,63}$/);
    expect(behaviors).toEqual(expect.arrayContaining([type.read, type.write]));
  });

  it('imposes what it says on the leaf below it', () => {
    expect(onLeaf(routeOf(type.name))).toEqual({ read: type.read, write: type.write });
  });

  it('counts once, however often it is nested', () => {
    expect(onLeaf(routeOf(type.name, type.name))).toEqual(onLeaf(routeOf(type.name)));
  });

  it('changes nothing below a node that ignores everything', () => {
    expect(onLeaf(routeOf('blackHole', type.name))).toEqual({ read: 'ignore', write: 'ignore' });
    expect(onLeaf(routeOf(type.name, 'blackHole'))).toEqual({ read: 'ignore', write: 'ignore' });
  });

  it('sorts its leaf by what it imposes', () => {
    const route = routeOf(type.name);
    expect(route.writable).toHaveLength(type.write === 'allow' ? 1 : 0);
    expect(route.denied).toHaveLength(type.write === 'deny' ? 1 : 0);
    expect(readOrder(route, () => true)).toHaveLength(type.read === 'allow' ? 1 : 0);
  });

  it('leads nowhere at the end of a path, unless writes to it are to be ignored', () => {
    const bare = new Topology(topologyOf(node(type.name)));
    expect(bare.route(1, 0n).leadsNowhere).toBe(type.write !== 'ignore');
    expect(topologyWarnings(bare)).toHaveLength(type.write === 'ignore' ? 0 : 1);
  });
}
