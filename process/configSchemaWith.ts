import { z } from 'zod';
import { configSchema } from './config.js';
import type { ConfigPart } from './configPart.js';

/** The schema with the keys of some parts. Roost's own keys cannot be changed. */
export function configSchemaWith(parts: readonly Pick<ConfigPart, 'keys'>[]): typeof configSchema {
  const sections = new Map<string, z.ZodRawShape>();
  for (const [section, shape] of parts.flatMap(({ keys }) => Object.entries(keys)))
    sections.set(section, { ...sections.get(section), ...shape });
  if (sections.size === 0) return configSchema;
  const known = configSchema.shape as unknown as Readonly<Record<string, z.ZodPrefault<z.ZodObject> | undefined>>;
  return configSchema.extend(
    Object.fromEntries(
      Array.from(sections, ([section, shape]) => {
        const own = known[section]?.unwrap();
        return [section, z.strictObject({ ...own?.shape, ...shape, ...own?.shape }).prefault({})];
      }),
    ),
  ) as unknown as typeof configSchema;
}
