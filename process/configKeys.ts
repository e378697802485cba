import { z } from 'zod';
import { configSchema } from './config.js';

/** The part of JSON Schema that our configuration uses. */
export interface KeySchema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly additionalProperties?: KeySchema | false;
  readonly items?: KeySchema;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

export type ConfigPath = readonly string[];

/** The schema is the one source of keys, types and bounds; messages and names of variables follow from it. */
const root = z.toJSONSchema(configSchema, { io: 'input' }) as KeySchema;

/** The root of another schema's keys. */
export const keysOf = (schema: z.ZodType): KeySchema =>
  schema === configSchema ? root : (z.toJSONSchema(schema, { io: 'input' }) as KeySchema);

/** The schema of a key; undefined for an unknown key. */
export function keySchema(path: ConfigPath, below: KeySchema = root): KeySchema | undefined {
  let schema: KeySchema | undefined = below;
  for (const name of path) {
    if (schema === undefined) return undefined;
    if (schema.type === 'array') schema = schema.items;
    else
      schema =
        (schema.properties !== undefined && Object.hasOwn(schema.properties, name)
          ? schema.properties[name]
          : undefined) ?? (schema.additionalProperties === false ? undefined : schema.additionalProperties);
  }
  return schema;
}

/** The possible names in an object of the configuration; none if the user names its entries. */
export const keysBelow = (path: ConfigPath, below: KeySchema = root): readonly string[] =>
  Object.keys(keySchema(path, below)?.properties ?? {});

/** Every key that holds a value rather than further keys. `hostNames` stand for the entries of `databaseHosts`. */
export function valueKeys(hostNames: readonly string[], keys: KeySchema = root): readonly ConfigPath[] {
  const found: ConfigPath[] = [];
  const walk = (schema: KeySchema, path: ConfigPath): void => {
    if (schema.type !== 'object') {
      found.push(path);
      return;
    }
    for (const [name, below] of Object.entries(schema.properties ?? {})) walk(below, [...path, name]);
    if (schema.additionalProperties) for (const name of hostNames) walk(schema.additionalProperties, [...path, name]);
  };
  walk(keys, []);
  return found;
}

/** The allowed values of a key, as the end of a sentence: "an integer from 0 to 65535". */
export function describeAllowed(schema: KeySchema): string {
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`;
  switch (schema.type) {
    case 'integer':
      return `an integer from ${schema.minimum} to ${schema.maximum}`;
    case 'number':
      return `a number above ${schema.exclusiveMinimum} and up to ${schema.maximum}`;
    case 'string':
      return schema.minLength === undefined ? 'a string' : 'a string that is not empty';
    case 'array': {
      const from = schema.minItems ?? 0;
      return `a list of ${from} to ${schema.maxItems} entries`;
    }
    case 'boolean':
      return 'true or false';
    default:
      return 'an object';
  }
}

/**
 * Converts the text of an environment variable to its key's type. Text that does not fit stays text, for validation
 * to refuse.
 */
export function valueFromText(schema: KeySchema, text: string): unknown {
  if ((schema.type === 'integer' || schema.type === 'number') && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (schema.type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  if (schema.type === 'array') return text === '' ? [] : text.split(',').map((entry) => entry.trim());
  return text;
}
