import { z } from 'zod';
import { configSchema } from './config.js';

/** Keys beside those of `configSchema`, by section: sections that are there get more keys, others are new. Each key has a default. */
export type ConfigKeys = Readonly<Record<string, z.ZodRawShape>>;

/** The schema with further keys. A key that is there stays as it is. */
export function configSchemaWith(extensions: readonly ConfigKeys[]): typeof configSchema {
  const sections = new Map<string, z.ZodRawShape>();
  for (const [section, shape] of extensions.flatMap((keys) => Object.entries(keys)))
    sections.set(section, { ...sections.get(section), ...shape });
  if (sections.size === 0) return configSchema;
  const known = configSchema.shape as unknown as Readonly<Record<string, z.ZodPrefault<z.ZodObject> | undefined>>;
  return configSchema.extend(
    Object.fromEntries(
      Array.from(sections, ([section, shape]) => {
        const own = known[section]?.unwrap();
        return [section, z.strictObject({ ...shape, ...own?.shape }).prefault({})];
      }),
    ),
  ) as unknown as typeof configSchema;
}
