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

/** Values of some keys in a file, where those with defaults may be left out. */
export type ConfigInput<Keys extends ConfigKeys> = {
  readonly [Section in keyof Keys]?: z.input<z.ZodObject<Keys[Section]>>;
};

/** A fault in a value that its own key allows. */
export interface ConfigProblem {
  readonly key: ConfigPath;
  /** Ends a sentence that begins with the key: `needs nodes to cache on`. */
  readonly text: string;
}

export interface ConfigPartOptions<Values> {
  /** Faults between several keys, including Roost's. `loadConfig` refuses such a configuration. */
  problems?(values: Values, config: RoostConfig): readonly ConfigProblem[];
  /** The values that must be equal on all servers of a cluster. Absent: all. */
  shared?(values: Values): unknown;
}

/**
 * A store's part of the configuration: keys in sections of its own, or beside Roost's keys in Roost's sections.
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

  /**
   * The values in a configuration; defaults if it was read without these keys. Throws `InvalidArgument` for values
   * that the keys do not allow.
   */
  of(config: RoostConfig): ConfigValues<Keys> {
    const read = this.#values.safeParse(config);
    if (read.success) return read.data;
    throw new RoostError('InvalidArgument', `the configuration: ${z.prettifyError(read.error)}`, { cause: read.error });
  }

  problems(config: RoostConfig): readonly ConfigProblem[] {
    return this.options.problems?.(this.of(config), config) ?? [];
  }

  /** The values that must be equal on all servers. */
  shared(config: RoostConfig): unknown {
    const values = this.of(config);
    return this.options.shared?.(values) ?? values;
  }
}

/** Creates a store's part of the configuration. */
export const configPart = <const Keys extends ConfigKeys>(
  keys: Keys,
  options?: ConfigPartOptions<ConfigValues<Keys>>,
): ConfigPart<Keys> => new ConfigPart(keys, options);
