import { kindNames, type KindName } from '../pages/rebuildJob.js';

/** The kind and the user of a timeline; undefined for one of another name, which Haplocheirus's clients fill. */
export function keptTimeline(name: string): { readonly kind: KindName; readonly userId: bigint } | undefined {
  const [, prefix, digits] = /^(\w+):(0|[1-9]\d{0,18})$/.exec(name) ?? [];
  const kind = kindNames.find((one) => one === prefix);
  return kind === undefined || digits === undefined ? undefined : { kind, userId: BigInt(digits) };
}
