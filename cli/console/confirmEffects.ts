import { applyChanges, type Change, type Gizzard, Topology, topologyEffects } from '../../gizzard/index.js';
import type { CliIo } from './cliIo.js';
import { confirm, type ConfirmOptions } from './confirm.js';

const namedShards = 5;

/**
 * Asks for confirmation before a change of the topology that denies, hides or loses data, naming the shards. Does not
 * ask about other changes. Throws as `confirm` does, and as `applyChanges` and `Topology` do for a change that could
 * not be made.
 */
export async function confirmEffects(
  io: CliIo,
  options: ConfirmOptions,
  gizzard: Pick<Gizzard, 'topology'>,
  deed: string,
  changes: readonly Change[],
): Promise<void> {
  const lost = effectsOf(gizzard.topology, changes);
  if (lost.length > 0) await confirm(io, options, deed, lost);
}

/** The losses that the changes cause, one sentence each. */
export function effectsOf(topology: Topology, changes: readonly Change[]): string[] {
  const effects = topologyEffects(topology, new Topology(applyChanges(topology.state, changes)));
  const sentences: readonly (readonly [readonly string[], string])[] = [
    [effects.unreadable, 'no replica can be read below'],
    [effects.replaced, 'keys lead to other shards, without what was written before, below'],
    [effects.unrouted, 'reads and writes fail, since nothing serves the keys of'],
    [effects.skipped, 'writes are lost, and missing until a repair, on'],
    [effects.left, 'writes no longer reach, and are missing until a repair on,'],
    [effects.delayed, 'writes wait in the journal for'],
  ];
  return sentences.flatMap(([shards, what]) => (shards.length === 0 ? [] : [`${what} ${named(shards)}`]));
}

function named(shards: readonly string[]): string {
  const first = shards.slice(0, namedShards).join(', ');
  return shards.length > namedShards ? `${first} and ${shards.length - namedShards} more` : first;
}
