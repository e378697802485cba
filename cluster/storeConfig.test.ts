import { expect, it } from 'vitest';
import { z } from 'zod';
import { configPart, configSchema, configSchemaWith } from '../process/index.js';
import type { ThriftService } from '../server/index.js';
import { configPartsOf, defineStore } from './index.js';

const store = defineStore({
  name: 'marks',
  config: configPart({ marks: { most: z.int().default(7) }, cache: { marks: z.boolean().default(false) } }),
  open: () => ({}),
  shardTypes: () => [],
  jobTypes: () => [],
  service: { title: 'marks', port: 7930, processor: () => ({}) as ThriftService },
});
const written = { databaseHosts: { db1: {} }, nameServer: { hosts: ['db1'] } };

it('takes the keys of a store and its port, beside those of Roost', () => {
  const schema = configSchemaWith(configPartsOf([store]));
  expect(schema.parse(written)).toMatchObject({
    marks: { most: 7 },
    cache: { marks: false, deadlineMs: 10 },
    server: { marksPort: 7930, managerPort: 7920 },
  });
  expect(schema.parse({ ...written, marks: { most: 1 }, server: { marksPort: 0 } })).toMatchObject({
    marks: { most: 1 },
    server: { marksPort: 0 },
  });
  expect(() => schema.parse({ ...written, marks: { least: 1 } })).toThrow('least');
  expect(store.config!.of(schema.parse({ ...written, marks: { most: 1 } }))).toEqual({
    marks: { most: 1 },
    cache: { marks: false },
  });
  expect(store.config!.of(configSchema.parse(written))).toMatchObject({ marks: { most: 7 } });
  expect(() => configSchemaWith([]).parse({ ...written, marks: { most: 1 } })).toThrow('marks');
});
