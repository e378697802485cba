/**
 * A node in a pool's register. Its epoch is new whenever it returns, and part of each entry's name, so that entries
 * kept from before are never found again.
 *
 * - `in`: holds its keys.
 * - `joining`, `warming`, `joined`: the states of a new node on its way to `in`, in this order. It holds its keys;
 * while it is warming, missing entries are taken from the node that held the key before. In all three states writes
 * also remove the entry there: from before the first reader takes one until after the last.
 * - `out`: ejected; its keys are on the gutter until it answers again.
 * - `gone`: removed for good; the next node holds its keys.
 */
export interface NodeState {
  readonly state: (typeof nodeStates)[number];
  readonly epoch: string;
  /** Its share of the keys; 0 for a node that is only gutter. */
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
