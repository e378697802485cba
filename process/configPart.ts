import { z } from 'zod';
import { RoostError } from '../core/index.js';
import type { RoostConfig } from './config.js';
import type { ConfigPath } from './configKeys.js';

/** Keys of the configuration by section. Each key has a default. */
export type ConfigKeys = Readonly<Record<string, z.ZodRawShape>>;

/** The values of some keys. */
export type ConfigValues<Keys extends ConfigKeys> = {
  readonly [Section in keyof Keys]: z.output<z.ZodObject<Keys[Section]>>;
};

/** Values of some keys, as a file has them: those with defaults may be left out. */
export type ConfigInput<Keys extends ConfigKeys> = {
  readonly [Section in keyof Keys]?: z.input<z.ZodObject<Keys[Section]>>;
};

/** What is wrong with a value though its own key allows it. */
export interface ConfigProblem {
  readonly key: ConfigPath;
  /** Ends a sentence that begins with the key: `needs nodes to cache on`. */
  readonly text: string;
}

export interface ConfigPartOptions<Values> {
  /** What is wrong between several keys, those of Roost among them. `loadConfig` refuses a configuration with problems. */
  problems?(values: Values, config: RoostConfig): readonly ConfigProblem[];
  /** What must be the same on every server of a cluster. Absent: all values. */
  shared?(values: Values): unknown;
}

/**
 * The part of the configuration that belongs to a store: keys in sections of their own, or beside Roost's keys in its sections.
 *
 * `configSchemaWith` adds the keys to the schema; `of` reads their values.
 */
export class ConfigPart<Keys extends ConfigKeys = ConfigKeys> {
  readonly #values: z.ZodType<ConfigValues<Keys>>;

  constructor(
    readonly keys: Keys,
    private readonly options: ConfigPartOptions<ConfigValues<Keys>> = {},
  ) {
    const sections = Object.entries(keys).map(([section, shape]) => [section, z.object(shape).prefault({})]);
    this.#values = z.object(Object.fromEntries(sections)) as unknown as z.ZodType<ConfigValues<Keys>>;
  }

  /** The values in a configuration; defaults where it was read without these keys. Throws `InvalidArgument` for values that the keys do not allow. */
  of(config: RoostConfig): ConfigValues<Keys> {
    const read = this.#values.safeParse(config);
    if (read.success) return read.data;
    throw new RoostError('InvalidArgument', `the configuration: ${z.prettifyError(read.error)}`, { cause: read.error });
  }

  problems(config: RoostConfig): readonly ConfigProblem[] {
    return this.options.problems?.(this.of(config), config) ?? [];
  }

  /** The values that must be the same on every server. */
  shared(config: RoostConfig): unknown {
    const values = this.of(config);
    return this.options.shared?.(values) ?? values;
  }
}

/** Makes the part of a store's configuration. */
export const configPart = <const Keys extends ConfigKeys>(
  keys: Keys,
  options?: ConfigPartOptions<ConfigValues<Keys>>,
): ConfigPart<Keys> => new ConfigPart(keys, options);
