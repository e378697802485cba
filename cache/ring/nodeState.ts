/**
 * What a pool's register says of one node. Its epoch is new whenever it comes back, and part of the name of each entry, so that nothing that a node has kept
 * from before is ever found again.
 *
 * - `in`: holds its keys.
 * - `joining`, `warming`, `joined`: it is new, and holds its keys as well; in this order it passes to `in`. While it is warming, what it lacks is taken from the
 *   node that had the key before. Writes remove the entry there in all three: before the first reader takes one, and until the last has.
 * - `out`: its keys are in the gutter until it answers again.
 * - `gone`: it does not come back, and the next node has its keys for good.
 */
export interface NodeState {
  readonly state: (typeof nodeStates)[number];
  readonly epoch: string;
  /** Its share of the keys; 0 for a node that serves only as gutter. */
  readonly weight: number;
}

export const nodeStates = ['in', 'joining', 'warming', 'joined', 'out', 'gone'] as const;

export const formatNodeState = ({ state, epoch, weight }: NodeState): string => `${state} ${epoch} ${weight}`;

export function parseNodeState(text: string): NodeState | undefined {
  const [state, epoch, weight] = text.split(' ');
  const known = nodeStates.find((name) => name === state);
  return known === undefined || epoch === undefined ? undefined : { state: known, epoch, weight: Number(weight) };
}

/** Whether a node holds keys. */
export const serves = ({ state }: NodeState): boolean => state !== 'out' && state !== 'gone';
