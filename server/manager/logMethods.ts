import { randomUUID } from 'node:crypto';
import { limits, parseCount, RoostError } from '../../core/index.js';
import type { Gizzard } from '../../gizzard/index.js';
import { required } from '../../wire/index.js';
import type { ManagerModule } from '../../wire/manager/index.js';
import { operationFromJson, operationToChange, operationToJson } from './managerStructs.js';
import type { ShardClasses } from './shardClasses.js';

export type LogMethods = Pick<
  ManagerModule.Client,
  'log_create' | 'log_get' | 'log_entry_push' | 'log_entry_peek' | 'log_entry_pop'
>;

/** Rollback logs, in which the old tool keeps what undoes its steps. An id has 16 bytes. */
export function logMethods({ nameServer }: Gizzard, classes: ShardClasses, by: string): LogMethods {
  const idOf = (logId: Buffer): string => {
    const bytes = required(logId, 'log_id');
    if (bytes.length !== 16)
      throw new RoostError('InvalidArgument', `the id of a rollback log has 16 bytes, not ${bytes.length}`);
    return bytes.toString('hex');
  };

  return {
    async log_create(name) {
      const logId = randomUUID().replaceAll('-', '');
      await nameServer.changeLogs([{ kind: 'createLog', log: { logId, name: required(name, 'log_name') } }], by);
      return Buffer.from(logId, 'hex');
    },
    async log_get(name) {
      const log = await nameServer.findLog(required(name, 'log_name'));
      if (log === undefined)
        throw new RoostError('NotFound', `there is no rollback log ${JSON.stringify(name)}`, { fields: { log: name } });
      return Buffer.from(log.logId, 'hex');
    },
    async log_entry_push(logId, entry) {
      const { id, command } = required(entry, 'log_entry');
      // An operation that could not be executed is refused here, rather than when it is needed.
      operationToChange(classes, command);
      await nameServer.changeLogs(
        [
          {
            kind: 'pushEntry',
            logId: idOf(logId),
            entry: { entryId: required(id, 'id'), operation: operationToJson(command) },
          },
        ],
        by,
      );
    },
    async log_entry_peek(logId, count) {
      const entries = await nameServer.logEntries(
        idOf(logId),
        Math.min(parseCount(required(count, 'count'), 'count', 0, 2 ** 31 - 1), limits.pageSize),
      );
      return entries.map(({ entryId, operation }) => ({ id: entryId, command: operationFromJson(operation) }));
    },
    async log_entry_pop(logId, entryId) {
      await nameServer.changeLogs(
        [{ kind: 'popEntry', logId: idOf(logId), entryId: required(entryId, 'log_entry_id') }],
        by,
      );
    },
  };
}
