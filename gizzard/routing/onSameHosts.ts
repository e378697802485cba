import { appendTo } from '../../core/index.js';
import type { Leaf, Route } from './route.js';

/**
 * Groups routes whose readable replicas are on the same hosts, so that any of these can answer for all. Returns
 * indexes in `routes`. A route with two such replicas on one host stays alone. Routes with different lagging replicas
 * are read apart, in different orders.
 */
export function onSameHosts(routes: readonly Route[], isCurrent: (leaf: string) => boolean = () => true): number[][] {
  const byHosts = new Map<string, number[]>();
  for (const [place, route] of routes.entries()) {
    const hosts = readable(route).map((leaf) => leaf.shard.id.hostname);
    const marked = readable(route).map(({ key, shard }) => `${shard.id.hostname}${isCurrent(key) ? '' : ' lags'}`);
    const key = new Set(hosts).size === hosts.length ? marked.sort().join() : String(place);
    appendTo(byHosts, key, place);
  }
  return [...byHosts.values()];
}

/** A route's readable replica on a host that has one. */
export const readableOn = (route: Route, hostname: string): Leaf =>
  readable(route).find((leaf) => leaf.shard.id.hostname === hostname)!;

const readable = ({ leaves }: Route): readonly Leaf[] => leaves.filter((leaf) => leaf.read === 'allow');
