import { RoostError } from '../core/index.js';
import { nodeType } from './nodes/index.js';
import { shardKey, type Attributes, type ShardInfo } from './topology/types.js';

/** A named value of every shard of a type, such as the type of its ids. */
export interface ShardAttribute {
  /** The allowed values for people, as the end of a sentence: `INT UNSIGNED or BIGINT UNSIGNED`. */
  readonly values: string;
  allows(value: string): boolean;
  /** The default value. Absent: every shard must give one. */
  readonly default?: string;
}

/**
 * The attributes of a type's shards, by name: a letter, then letters and digits. Gizzard's wire has two texts of a
 * shard in their place, its source type and destination type: these are the first two, in the order given here.
 */
export type ShardAttributes = Readonly<Record<string, ShardAttribute>>;

export interface Attributed {
  readonly name: string;
  readonly attributes?: ShardAttributes;
}

/** The two texts of a shard on Gizzard's wire, and in releases before named attributes. */
export interface ShardTexts {
  readonly sourceType: string;
  readonly destinationType: string;
}

/** Names of attributes of which only the texts are known. */
const textNames = ['sourceType', 'destinationType'] as const;
/** The width of the name server's columns for the texts. */
const maxTextChars = 32;

/**
 * The texts of attributes of an unknown type: first those of these names, then others in order. One that is too long
 * for a text is in none.
 */
export function plainTexts(attributes: Attributes): ShardTexts {
  const others = Object.entries(attributes).flatMap(([name, value]) => (isTextName(name) ? [] : [value]));
  const [sourceType, destinationType] = textNames.map((name) => short(attributes[name] ?? others.shift() ?? ''));
  return { sourceType: sourceType!, destinationType: destinationType! };
}

/** Attributes of which only the texts are known, until the type names them: see `AttributeForms.named`. */
export const plainAttributes = (texts: ShardTexts): Attributes =>
  Object.fromEntries(textNames.flatMap((name) => (texts[name] === '' ? [] : [[name, texts[name]]])));

/** Converts the attributes of shards between their forms, by the types that a process knows. */
export class AttributeForms {
  /** Types may be added later. */
  constructor(private readonly types: ReadonlyMap<string, Attributed> = new Map()) {}

  /**
   * The shard, or leaf of a template, with attributes by name, in its type's order and without the type's defaults,
   * so that equal shards have equal attributes. Names that the type lacks stay; shards of unknown types stay as they
   * are.
   */
  named<S extends { readonly type: string; readonly attributes: Attributes }>(shard: S): S {
    if (nodeType(shard.type) !== undefined) return { ...shard, attributes: {} };
    const type = this.types.get(shard.type);
    if (type === undefined) return shard;
    const declared = Object.entries(type.attributes ?? {});
    const others = new Map(Object.entries(shard.attributes));
    const attributes: Record<string, string> = {};
    for (const [place, [name, attribute]] of declared.entries()) {
      const textName = textNames[place];
      const value = others.get(name) ?? (textName === undefined ? undefined : others.get(textName));
      others.delete(name);
      if (value !== undefined && value !== '' && value !== attribute.default) attributes[name] = value;
    }
    for (const [name, value] of others) if (!isTextName(name)) attributes[name] = value;
    return { ...shard, attributes };
  }

  /** The two texts, with the type's defaults. */
  texts({ type, attributes }: Pick<ShardInfo, 'type' | 'attributes'>): ShardTexts {
    const declared = this.types.get(type)?.attributes;
    if (declared === undefined) return plainTexts(attributes);
    const [sourceType = '', destinationType = ''] = Object.entries(declared).map(([name, attribute]) =>
      short(attributes[name] ?? attribute.default ?? ''),
    );
    return { sourceType, destinationType };
  }

  /** Whether the attributes say more than the two texts, so that an earlier release would lose some. */
  exceedTexts(shard: ShardInfo): boolean {
    const named = this.named(shard);
    const back = this.named({ ...named, attributes: plainAttributes(this.texts(named)) });
    return Object.entries(named.attributes).some(([name, value]) => back.attributes[name] !== value);
  }
}

const isTextName = (name: string): boolean => (textNames as readonly string[]).includes(name);
const short = (value: string): string => (value.length > maxTextChars ? '' : value);

/** The value of a shard's attribute, or its type's default. Throws `FailedPrecondition` if there is neither. */
export function attributeOf(type: Attributed, shard: ShardInfo, name: string): string {
  const value = shard.attributes[name] ?? type.attributes?.[name]?.default;
  if (value !== undefined) return value;
  throw new RoostError('FailedPrecondition', `shard ${shardKey(shard.id)} has no attribute ${name}`, {
    fields: { shard: shardKey(shard.id), attribute: name },
  });
}

/**
 * Sentences about a shard's attributes that are missing, have a value that the type does not allow, or are unknown to
 * the type.
 */
export function attributeProblems(type: Attributed, { id, attributes }: ShardInfo): string[] {
  const declared = Object.entries(type.attributes ?? {});
  const names = declared.map(([name]) => name);
  const unknown = Object.keys(attributes).filter((name) => !names.includes(name));
  const have = names.length === 0 ? 'they have none' : `they have ${names.join(' and ')}`;
  return [
    ...unknown.map((name) => `shards of type ${type.name} have no attribute ${name}: ${have}`),
    ...declared.flatMap(([name, attribute]) => {
      const value = attributes[name] ?? attribute.default;
      if (value !== undefined && attribute.allows(value)) return [];
      const found = value === undefined ? '' : `, not ${JSON.stringify(value)}`;
      return [`the attribute ${name} of shard ${shardKey(id)} (${type.name}) must be ${attribute.values}${found}`];
    }),
  ];
}

/** Throws `InvalidArgument` for a shard with `attributeProblems`. */
export function checkAttributes(type: Attributed, shard: ShardInfo): void {
  const problems = attributeProblems(type, shard);
  if (problems.length > 0)
    throw new RoostError('InvalidArgument', problems.join('; '), { fields: { shard: shardKey(shard.id) } });
}
