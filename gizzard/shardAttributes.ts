import { RoostError } from '../core/index.js';
import { shardKey, type ShardInfo } from './topology/types.js';

/** One named value that every shard of a type has, such as the type of its ids. */
export interface ShardAttribute {
  /** Which of the two texts that the name server keeps of a shard holds it. No two attributes of a type share one. */
  readonly storedIn: 'sourceType' | 'destinationType';
  /** Which values there are, for people, as the end of a sentence: `INT UNSIGNED or BIGINT UNSIGNED`. */
  readonly values: string;
  allows(value: string): boolean;
  /** The value of a shard that says none. Absent: every shard must say one. */
  readonly default?: string;
}

/** The attributes of a type's shards, by name. */
export type ShardAttributes = Readonly<Record<string, ShardAttribute>>;

interface Attributed {
  readonly name: string;
  readonly attributes?: ShardAttributes;
}
type Stored = Pick<ShardInfo, 'sourceType' | 'destinationType'>;

/** The attributes of a shard that are not their defaults, by name. Texts that no attribute of the type is stored in count for nothing. */
export function attributesOf(type: Attributed | undefined, shard: Stored): Record<string, string> {
  const named: Record<string, string> = {};
  for (const [name, attribute] of Object.entries(type?.attributes ?? {})) {
    const value = shard[attribute.storedIn];
    if (value !== '' && value !== attribute.default) named[name] = value;
  }
  return named;
}

/** How a shard with these attributes is stored. Throws `InvalidArgument` for a name that the type does not have. */
export function storedAttributes(type: Attributed, given: Readonly<Record<string, string>>): Stored {
  const stored = { sourceType: '', destinationType: '' };
  const known = new Map(Object.entries(type.attributes ?? {}));
  for (const [name, value] of Object.entries(given)) {
    const attribute = known.get(name);
    if (attribute === undefined)
      throw new RoostError(
        'InvalidArgument',
        `shards of type ${type.name} have no attribute ${name}: ${known.size === 0 ? 'they have none' : `they have ${[...known.keys()].join(' and ')}`}`,
        { fields: { type: type.name, attribute: name } },
      );
    stored[attribute.storedIn] = value;
  }
  return stored;
}

/** Sentences on the attributes of a shard that are missing, or have a value that its type does not allow. */
export const attributeProblems = (type: Attributed, shard: ShardInfo): string[] =>
  Object.entries(type.attributes ?? {}).flatMap(([name, attribute]) => {
    const value = shard[attribute.storedIn] || attribute.default;
    if (value !== undefined && attribute.allows(value)) return [];
    const found = value === undefined ? '' : `, not ${JSON.stringify(value)}`;
    return [`the attribute ${name} of shard ${shardKey(shard.id)} (${type.name}) must be ${attribute.values}${found}`];
  });

/** Throws `InvalidArgument` for a shard with a problem of `attributeProblems`. */
export function checkAttributes(type: Attributed, shard: ShardInfo): void {
  const problems = attributeProblems(type, shard);
  if (problems.length > 0)
    throw new RoostError('InvalidArgument', problems.join('; '), { fields: { shard: shardKey(shard.id) } });
}
