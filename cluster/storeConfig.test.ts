import { expect, it } from 'vitest';
import { z } from 'zod';
import { configSchemaWith } from '../process/index.js';
import type { ThriftService } from '../server/index.js';
import { configKeysOf, defineStore } from './index.js';

const store = defineStore({
  name: 'marks',
  config: { marks: { most: z.int().default(7) }, cache: { marks: z.boolean().default(false) } },
  open: () => ({}),
  shardTypes: () => [],
  jobTypes: () => [],
  service: { title: 'marks', port: 7930, processor: () => ({}) as ThriftService },
});
const written = { databaseHosts: { db1: {} }, nameServer: { hosts: ['db1'] } };

it('takes the keys of a store and its port, beside those of Roost', () => {
  const schema = configSchemaWith(configKeysOf([store]));
  expect(schema.parse(written)).toMatchObject({
    marks: { most: 7 },
    cache: { marks: false, tweets: false },
    server: { marksPort: 7930, flockPort: 7915 },
  });
  expect(schema.parse({ ...written, marks: { most: 1 }, server: { marksPort: 0 } })).toMatchObject({
    marks: { most: 1 },
    server: { marksPort: 0 },
  });
  expect(() => schema.parse({ ...written, marks: { least: 1 } })).toThrow('least');
  expect(() => configSchemaWith([]).parse({ ...written, marks: { most: 1 } })).toThrow('marks');
});
