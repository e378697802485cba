import { RoostError } from '../../core/index.js';
import { nodeTypes } from '../../gizzard/index.js';

/**
 * Class names in Gizzard's tools, and our types. They may have a package in front, such as
 * com.twitter.gizzard.shards.
 */
const typeByClass: ReadonlyMap<string, string> = new Map([
  ...nodeTypes.map(({ name }) => [`${name[0]!.toUpperCase()}${name.slice(1)}Shard`, name] as const),
  ['SqlShard', 'flock'],
]);
const classByType: ReadonlyMap<string, string> = new Map([...typeByClass].map(([name, type]) => [type, name]));

/** Accepts our own names too. Throws `InvalidArgument` with the known classes. */
export function typeOfClass(className: string): string {
  const last = className.slice(className.lastIndexOf('.') + 1);
  const type = typeByClass.get(last) ?? (classByType.has(className) ? className : undefined);
  if (type !== undefined) return type;
  throw new RoostError(
    'InvalidArgument',
    `there is no shard class ${JSON.stringify(className)}; there are ${[...typeByClass.keys()].join(', ')}`,
    { fields: { class: className } },
  );
}

/** Types that Gizzard did not have keep their name. */
export const classOfType = (type: string): string => classByType.get(type) ?? type;
