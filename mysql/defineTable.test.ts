import { afterAll, expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { silentLog } from '../process/index.js';
import { freshCluster } from '../test/support/index.js';
import { columnTypes } from './columns.js';
import { DatabaseHosts } from './databaseHosts.js';
import { defineTable } from './defineTable.js';

const { config } = freshCluster('tables');
const hosts = new DatabaseHosts(config, silentLog);
const host = hosts.host(Object.keys(config.databaseHosts)[0]!);
afterAll(() => hosts.close());
const deadline = (): Deadline => Deadline.after(10_000);

const { id, int64, safeInteger, uint32, uint8, boolean, text, longText, nullable } = columnTypes;
const things = defineTable(
  'things',
  {
    id,
    at: int64,
    made_ms: safeInteger,
    flags: uint32,
    state: uint8,
    is_new: boolean,
    name: text(10),
    notes: nullable(longText),
    parent: nullable(id),
  },
  'id',
  ['KEY named (name)'],
);
const thing = {
  id: 2n ** 63n - 1n,
  at: -(2n ** 62n) - 1n,
  made_ms: 2 ** 52 + 1,
  flags: 2 ** 32 - 1,
  state: 255,
  is_new: true,
  name: `'"\\ ☃😀`,
  notes: 'x'.repeat(100_000),
  parent: 2n ** 60n + 1n,
};
const plain = { ...thing, id: 1n, at: 0n, is_new: false, notes: undefined, parent: undefined };
const valueOf = (row: Parameters<typeof things.read.id>[0]) =>
  Object.fromEntries(things.names.map((name) => [name, things.read[name](row)]));

it('values of every type come back as they were written, in bulk', async () => {
  const tables = things.in(config.cluster);
  const shard = { id: { tablePrefix: 'some' } };
  for (let i = 0; i < 2; i++) await tables.create(host, shard, deadline());
  const table = tables.at(shard);
  await table.insert(host, [thing, plain], deadline());
  const stored = async (ids: readonly bigint[]) => (await table.rowsAt(host, ids, deadline())).map(valueOf);
  expect(await stored([1n, 7n, thing.id])).toEqual([plain, thing]);
  await expect(table.insert(host, [plain], deadline())).rejects.toMatchObject({ code: 'Conflict' });
  await table.replace(host, [{ ...thing, name: 'new', parent: undefined }], deadline());
  expect(await stored([thing.id])).toEqual([{ ...thing, name: 'new', parent: undefined }]);
  await table.remove(host, 1n, deadline());
  expect(await stored([1n])).toEqual([]);
});
