import { isDeepStrictEqual } from 'node:util';
import { appendTo, RoostError } from '../../core/index.js';
import { shardKey, type Link, type TopologyState } from '../topology/types.js';
import type { MigrationPlan } from './steps.js';

/** The trees that a plan was made for. */
export interface PlanBasis {
  readonly tableId: number;
  /** The trees with their forwardings alone. */
  readonly part: TopologyState;
  /** The base id of the next tree; undefined for the table's last one. */
  readonly end: bigint | undefined;
}

/** Throws `FailedPrecondition` if a plan's trees have changed since; a new plan cures that. */
export function refuseOutdated(
  state: TopologyState,
  plans: readonly Pick<MigrationPlan, 'basis' | 'title' | 'shards'>[],
): void {
  const shards = new Map(state.shards.map(({ id, type }) => [shardKey(id), type]));
  const linksAbove = groupLinks(state.links, ({ child }) => shardKey(child));
  const linksBelow = groupLinks(state.links, ({ parent }) => shardKey(parent));
  for (const { basis, title, shards: all } of plans) {
    const { part, tableId, end } = basis;
    const known = new Set(part.shards.map(({ id }) => shardKey(id)));
    const wantedAbove = groupLinks(part.links, ({ child }) => shardKey(child));
    const wantedBelow = groupLinks(part.links, ({ parent }) => shardKey(parent));
    const first = part.forwardings.reduce(
      (least, { baseId }) => (baseId < least ? baseId : least),
      part.forwardings[0]!.baseId,
    );
    const there = state.forwardings.filter(
      (one) => one.tableId === tableId && one.baseId >= first && (end === undefined || one.baseId < end),
    );
    const isSame =
      all.every((id) => shards.has(shardKey(id)) === known.has(shardKey(id))) &&
      part.shards.every(({ id, type }) => shards.get(shardKey(id)) === type) &&
      [...known].every(
        (key) =>
          isDeepStrictEqual(linksAbove.get(key), wantedAbove.get(key)) &&
          isDeepStrictEqual(linksBelow.get(key), wantedBelow.get(key)),
      ) &&
      isDeepStrictEqual(forwardingTexts(there), forwardingTexts(part.forwardings)) &&
      (end === undefined || state.forwardings.some((one) => one.tableId === tableId && one.baseId === end));
    if (!isSame)
      throw new RoostError(
        'FailedPrecondition',
        `the trees have changed since this was planned (${title}): plan it again`,
        { retryable: true },
      );
  }
}

function groupLinks(links: readonly Link[], keyOf: (link: Link) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const link of links)
    appendTo(groups, keyOf(link), `${shardKey(link.parent)} ${shardKey(link.child)} ${link.weight}`);
  for (const texts of groups.values()) texts.sort();
  return groups;
}

const forwardingTexts = (forwardings: TopologyState['forwardings']): string[] =>
  forwardings.map(({ baseId, shard }) => `${baseId} ${shardKey(shard)}`).sort();
