import { RoostError } from '../core/index.js';
import { nodeType } from './nodes/index.js';
import { shardKey, type Attributes, type ShardInfo } from './topology/types.js';

/** One named value that every shard of a type has, such as the type of its ids. */
export interface ShardAttribute {
  /** Which values there are, for people, as the end of a sentence: `INT UNSIGNED or BIGINT UNSIGNED`. */
  readonly values: string;
  allows(value: string): boolean;
  /** The value of a shard that says none. Absent: every shard must say one. */
  readonly default?: string;
}

/**
 * The attributes of a type's shards, by name: a letter, then letters and digits. Gizzard's wire has two texts of a shard in their place, its source type and its destination type: these are the first two,
 * in the order given here.
 */
export type ShardAttributes = Readonly<Record<string, ShardAttribute>>;

export interface Attributed {
  readonly name: string;
  readonly attributes?: ShardAttributes;
}

/** What Gizzard's wire, and releases before attributes had names, say of a shard. */
export interface ShardTexts {
  readonly sourceType: string;
  readonly destinationType: string;
}

/** The names of attributes of which only the texts are known. */
const textNames = ['sourceType', 'destinationType'] as const;
/** The name server's columns for the texts are no wider. */
const maxTextChars = 32;

/** The texts of attributes whose type is not known: those that are named so, and others in their order. One that is too long for a text is in none. */
export function plainTexts(attributes: Attributes): ShardTexts {
  const others = Object.entries(attributes).flatMap(([name, value]) => (isTextName(name) ? [] : [value]));
  const [sourceType, destinationType] = textNames.map((name) => short(attributes[name] ?? others.shift() ?? ''));
  return { sourceType: sourceType!, destinationType: destinationType! };
}

/** The attributes of which only the texts are known, until the type names them: see `AttributeForms.named`. */
export const plainAttributes = (texts: ShardTexts): Attributes =>
  Object.fromEntries(textNames.flatMap((name) => (texts[name] === '' ? [] : [[name, texts[name]]])));

/** Turns the attributes of shards into their forms, by the types that a process knows. */
export class AttributeForms {
  /** The types may come later. */
  constructor(private readonly types: ReadonlyMap<string, Attributed> = new Map()) {}

  /**
   * The shard, or the leaf of a template, with its attributes by their names, in the order of its type, without those that are the type's defaults: equal ones have equal attributes then.
   * Names that the type does not have stay; shards of types that are not known stay as they are.
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

  /** The two texts, with the defaults of the type. */
  texts({ type, attributes }: Pick<ShardInfo, 'type' | 'attributes'>): ShardTexts {
    const declared = this.types.get(type)?.attributes;
    if (declared === undefined) return plainTexts(attributes);
    const [sourceType = '', destinationType = ''] = Object.entries(declared).map(([name, attribute]) =>
      short(attributes[name] ?? attribute.default ?? ''),
    );
    return { sourceType, destinationType };
  }

  /** Whether the two texts say less than the attributes, so that a release before would lose some. */
  exceedTexts(shard: ShardInfo): boolean {
    const named = this.named(shard);
    const back = this.named({ ...named, attributes: plainAttributes(this.texts(named)) });
    return Object.entries(named.attributes).some(([name, value]) => back.attributes[name] !== value);
  }
}

const isTextName = (name: string): boolean => (textNames as readonly string[]).includes(name);
const short = (value: string): string => (value.length > maxTextChars ? '' : value);

/** The value of a shard's attribute, or the default of its type. Throws `FailedPrecondition` where there is neither. */
export function attributeOf(type: Attributed, shard: ShardInfo, name: string): string {
  const value = shard.attributes[name] ?? type.attributes?.[name]?.default;
  if (value !== undefined) return value;
  throw new RoostError('FailedPrecondition', `shard ${shardKey(shard.id)} has no attribute ${name}`, {
    fields: { shard: shardKey(shard.id), attribute: name },
  });
}

/** Sentences on the attributes of a shard that are missing, or have a value that its type does not allow, or that its type does not have. */
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

/** Throws `InvalidArgument` for a shard with a problem of `attributeProblems`. */
export function checkAttributes(type: Attributed, shard: ShardInfo): void {
  const problems = attributeProblems(type, shard);
  if (problems.length > 0)
    throw new RoostError('InvalidArgument', problems.join('; '), { fields: { shard: shardKey(shard.id) } });
}
