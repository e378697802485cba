/** The rules of the design in memory, written straight from its words, as a reference for the store. */
const rank = { add: 0, negate: 1, archive: 2, remove: 3 } as const;

export type ModelOperation = keyof typeof rank;
export type Direction = 'forward' | 'backward';
export type ModelWrite =
  | {
      readonly kind: 'edge';
      readonly operation: ModelOperation;
      readonly source: number;
      readonly destination: number;
      readonly time: number;
      readonly position: number;
    }
  | {
      readonly kind: 'node';
      readonly operation: ModelOperation;
      readonly direction: Direction;
      readonly id: number;
      readonly time: number;
    };

type Register = readonly [time: number, value: number];
const latest = (registers: readonly Register[], unset: Register): Register =>
  [...registers].sort((a, b) => b[0] - a[0] || b[1] - a[1])[0] ?? unset;

export interface ModelEdge {
  readonly source: number;
  readonly destination: number;
  readonly state: number;
  readonly updatedAt: number;
  readonly position: number;
}

/** Returns every edge as queries should see it once all writes have arrived, in any order. */
export function modelEdges(writes: readonly ModelWrite[]): ModelEdge[] {
  const node = (direction: Direction, id: number): { color: Register; removedThrough: number } => {
    const own = writes.filter((write) => write.kind === 'node' && write.direction === direction && write.id === id);
    const colors = own
      .filter((write) => write.operation !== 'remove')
      .map((write): Register => [write.time, rank[write.operation]]);
    const removals = own.filter((write) => write.operation === 'remove').map((write) => write.time);
    return { color: latest([...colors, [0, rank.add]], [0, 0]), removedThrough: Math.max(-1, ...removals) };
  };
  const edges = writes.filter((write) => write.kind === 'edge');
  const pairs = new Map(edges.map((edge) => [`${edge.source} ${edge.destination}`, edge]));
  return [...pairs.values()].map(({ source, destination }) => {
    const own = edges.filter((edge) => edge.source === source && edge.destination === destination);
    const [updatedAt, ownState] = latest(
      own.map((edge): Register => [edge.time, rank[edge.operation]]),
      [0, 0],
    );
    // The position of an archive or a remove counts until an add or a negate brings one.
    const places = own.map((edge): Register => [
      edge.operation === 'add' || edge.operation === 'negate' ? edge.time : -1,
      edge.position,
    ]);
    const [, position] = latest(places, [-1, 0]);
    const a = node('forward', source);
    const b = node('backward', destination);
    let state: number = rank.remove;
    if (ownState !== rank.remove && Math.max(a.removedThrough, b.removedThrough) < updatedAt) {
      const [, base] = latest([[updatedAt, ownState], a.color, b.color], [0, 0]);
      state = Math.max(base, a.color[1], b.color[1]);
    }
    return { source, destination, state, updatedAt, position };
  });
}
