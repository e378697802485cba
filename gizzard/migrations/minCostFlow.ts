/** An edge of a flow network: at most `capacity` units from one node to another, each at `cost`. */
export interface FlowEdge {
  readonly from: number;
  readonly to: number;
  readonly capacity: number;
  readonly cost: number;
}

/**
 * Sends as much as possible from `source` to `sink` at least cost, by successive shortest paths (Ahuja, Magnanti and
 * Orlin, Network Flows, 9.7). Integral capacities give integral flows. Returns the flow on each edge, in order. Meant
 * for some hundreds of nodes.
 */
export function minCostFlow(nodes: number, edges: readonly FlowEdge[], source: number, sink: number): number[] {
  // Edge 2i is the i-th given one, edge 2i + 1 its reverse.
  const to: number[] = [];
  const left: number[] = [];
  const cost: number[] = [];
  const outgoing: number[][] = Array.from({ length: nodes }, () => []);
  for (const edge of edges) {
    outgoing[edge.from]!.push(to.length);
    to.push(edge.to);
    left.push(edge.capacity);
    cost.push(edge.cost);
    outgoing[edge.to]!.push(to.length);
    to.push(edge.from);
    left.push(0);
    cost.push(-edge.cost);
  }
  for (;;) {
    const reachedBy = shortestPaths(nodes, outgoing, to, left, cost, source);
    if (reachedBy[sink] === -1) break;
    let amount = Infinity;
    for (let node = sink; node !== source; node = to[reachedBy[node]! ^ 1]!)
      amount = Math.min(amount, left[reachedBy[node]!]!);
    for (let node = sink; node !== source; node = to[reachedBy[node]! ^ 1]!) {
      left[reachedBy[node]!]! -= amount;
      left[reachedBy[node]! ^ 1]! += amount;
    }
  }
  return edges.map((_, i) => left[2 * i + 1]!);
}

/**
 * For each node, the last edge of a cheapest path to it, or −1 (Bellman and Ford, with a queue, since reverse costs
 * are negative).
 */
function shortestPaths(
  nodes: number,
  outgoing: readonly number[][],
  to: readonly number[],
  left: readonly number[],
  cost: readonly number[],
  source: number,
): number[] {
  const distance = new Array<number>(nodes).fill(Infinity);
  const reachedBy = new Array<number>(nodes).fill(-1);
  const waiting = [source];
  const isWaiting = new Array<boolean>(nodes).fill(false);
  distance[source] = 0;
  for (let at = 0; at < waiting.length; at++) {
    const node = waiting[at]!;
    isWaiting[node] = false;
    for (const edge of outgoing[node]!) {
      const next = to[edge]!;
      if (left[edge]! === 0 || distance[node]! + cost[edge]! >= distance[next]!) continue;
      distance[next] = distance[node]! + cost[edge]!;
      reachedBy[next] = edge;
      if (!isWaiting[next]) {
        isWaiting[next] = true;
        waiting.push(next);
      }
    }
  }
  return reachedBy;
}
