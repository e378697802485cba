import { expect, it } from 'vitest';
import { leaf, node, topologyOf, type Tree } from '../../test/conformance/trees.js';
import { Topology } from '../topology/topology.js';
import { onSameHosts, readableOn } from './onSameHosts.js';
import type { Route } from './route.js';

const routeOf = (tree: Tree): Route => new Topology(topologyOf(tree)).route(1, 0n);
const on = (...hosts: string[]): Route => routeOf(node('replicating', ...hosts.map((host) => leaf(host))));

it('routes are together whose replicas stand on the same hosts, in any order', () => {
  expect(onSameHosts([on('a', 'b'), on('c'), on('b', 'a'), on('a'), on('c')])).toEqual([[0, 2], [1, 4], [3]]);
});

it('a replica that may not be read is none', () => {
  const blocked = routeOf(node('replicating', leaf('a'), node('blocked', leaf('b'))));
  expect(onSameHosts([on('a'), blocked, on('a', 'b')])).toEqual([[0, 1], [2]]);
  expect(readableOn(blocked, 'a').shard.id.hostname).toBe('a');
});

it('a route with two replicas on one host stays alone, since the host does not say which is meant', () => {
  const [replica] = on('a').leaves;
  const twice: Route = { ...on('a'), leaves: [replica!, replica!] };
  expect(onSameHosts([twice, twice])).toEqual([[0], [1]]);
});

it('routes of which different replicas lag are apart, since they are to be read in different orders', () => {
  const named = (route: Route, prefix: string): Route => ({
    ...route,
    leaves: route.leaves.map((each) => ({ ...each, key: `${each.shard.id.hostname}/${prefix}` })),
  });
  const routes = [
    named(on('a', 'b'), 'x'),
    named(on('a', 'b'), 'y'),
    named(on('b', 'a'), 'z'),
    named(on('a', 'b'), 'x'),
  ];
  expect(onSameHosts(routes, (key) => key !== 'a/x')).toEqual([
    [0, 3],
    [1, 2],
  ]);
});
