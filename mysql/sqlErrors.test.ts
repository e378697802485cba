import { describe, expect, it } from 'vitest';
import { RoostError } from '../core/index.js';
import { isHostDown, namesData, sqlError, type DriverError } from './sqlErrors.js';

const driverError = (code: string | undefined, sqlState?: string, message = 'as the server says'): DriverError =>
  Object.assign(new Error(message), { code, errno: 1, sqlState });
const of = (code: string | undefined, sqlState?: string, message?: string): RoostError =>
  sqlError(driverError(code, sqlState, message), 'db2');

describe('an error of a database host', () => {
  it.each([
    ['ER_DATA_TOO_LONG', '22001'],
    ['ER_WARN_DATA_OUT_OF_RANGE', '22003'],
    ['ER_TRUNCATED_WRONG_VALUE_FOR_FIELD', 'HY000'],
    ['ER_BAD_NULL_ERROR', '23000'],
    ['ER_CHECK_CONSTRAINT_VIOLATED', 'HY000'],
    ['ER_INVALID_JSON_TEXT', '22032'],
    ['ER_DUP_ENTRY', '23000'],
    // MariaDB's broken constraint, under a number that the driver takes for another error.
    ['ER_INNODB_AUTOEXTEND_SIZE_OUT_OF_RANGE', '23000'],
  ])('%s blames the data', (code, state) => {
    expect(namesData(of(code, state))).toBe(true);
    expect(isHostDown(of(code, state))).toBe(false);
  });

  it.each([
    ['ER_ACCESS_DENIED_ERROR', '28000'],
    ['ER_NO_SUCH_TABLE', '42S02'],
    ['ER_TABLEACCESS_DENIED_ERROR', '42000'],
    ['ER_PARSE_ERROR', '42000'],
    ['ER_NON_UNIQ_ERROR', '23000'],
    ['ER_LOCK_WAIT_TIMEOUT', 'HY000'],
    ['ER_LOCK_DEADLOCK', '40001'],
    ['ER_QUERY_TIMEOUT', 'HY000'],
    ['ER_OPTION_PREVENTS_STATEMENT', 'HY000'],
    ['ER_DISK_FULL', 'HY000'],
    ['ER_INDEX_CORRUPT', 'HY000'],
    ['ECONNREFUSED', undefined],
    [undefined, 'HY000'],
  ])('%s does not blame the data', (code, state) => {
    expect(namesData(of(code, state))).toBe(false);
  });

  it('that is not listed blames the host, and is worth another attempt', () => {
    expect(of('ER_SOMETHING_NEW', 'HY000')).toMatchObject({ code: 'Unavailable', retryable: true });
    expect(of(undefined, 'HY000')).toMatchObject({ code: 'Unavailable' });
  });

  it('counts the host as down only if the whole host cannot be used', () => {
    expect(
      ['ECONNREFUSED', 'ER_ACCESS_DENIED_ERROR', 'ER_SERVER_SHUTDOWN'].map((code) => isHostDown(of(code))),
    ).toEqual([true, true, true]);
    expect(
      [
        'ER_NO_SUCH_TABLE',
        'ER_TABLEACCESS_DENIED_ERROR',
        'ER_OPTION_PREVENTS_STATEMENT',
        'ER_INDEX_CORRUPT',
        'ER_PARSE_ERROR',
      ].map((code) => isHostDown(of(code))),
    ).toEqual([false, false, false, false, false]);
  });

  it('names the next step', () => {
    expect(
      of('ER_ACCESS_DENIED_ERROR', '28000', "Access denied for user 'app'@'localhost' (using password: YES)").message,
    ).toMatch(/^db2 refuses the log-in of user 'app': check databaseHosts\.db2\.user and password \(Access denied/);
    expect(of('ER_HOST_IS_BLOCKED', 'HY000', 'Host is blocked').message).toMatch(/^db2 refuses the log-in: check/);
    expect(of('ER_OPTION_PREVENTS_STATEMENT').message).toMatch(/^db2 refuses writes \(read_only\)/);
    expect(of('ER_TABLEACCESS_DENIED_ERROR').message).toMatch(/^db2 lacks a grant for the user of databaseHosts\.db2/);
  });
});

it('an error that no server reported is of the data only where the code that applies a job refused it', () => {
  const names = (
    [
      'InvalidArgument',
      'DataLoss',
      'Internal',
      'Unavailable',
      'Overloaded',
      'DeadlineExceeded',
      'Conflict',
      'FailedPrecondition',
      'NotFound',
    ] as const
  ).filter((code) => namesData(new RoostError(code, '')));
  expect(names).toEqual(['InvalidArgument', 'DataLoss', 'Internal']);
});
