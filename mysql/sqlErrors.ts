import { RoostError, tlsTrouble, type ErrorCode } from '../core/index.js';

/**
 * Server errors that another attempt at the transaction cures: deadlock, lock wait, and a row that another session
 * has just inserted.
 */
const conflicts = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_DUP_ENTRY', 'ER_CHECKREAD']);
const timeouts = new Set(['ER_QUERY_TIMEOUT', 'ER_STATEMENT_TIMEOUT']);
/** No room on disk, in memory or in one of the server's tables: the statement is right, and will work later. */
const overloaded = new Set([
  'ER_MAX_PREPARED_STMT_COUNT_REACHED',
  'ER_DISK_FULL',
  'ER_RECORD_FILE_FULL',
  'ER_OUT_OF_RESOURCES',
  'ER_OUTOFMEMORY',
  'ER_OUT_OF_SORTMEMORY',
  'ER_LOCK_TABLE_FULL',
  'ER_TOO_MANY_CONCURRENT_TRXS',
]);
const missing = new Set(['ER_NO_SUCH_TABLE', 'ER_BAD_DB_ERROR']);
/** Statements that the server does not understand: a fault of this program, or a server of another family. */
const misunderstood = new Set([
  'ER_PARSE_ERROR',
  'ER_BAD_FIELD_ERROR',
  'ER_NON_UNIQ_ERROR',
  'ER_WRONG_VALUE_COUNT_ON_ROW',
  'ER_WRONG_VALUE_COUNT',
  'ER_SP_DOES_NOT_EXIST',
  'ER_UNKNOWN_SYSTEM_VARIABLE',
]);
/**
 * Errors that name the data: a value that does not fit its column, or a row that violates a constraint. In addition
 * there are the SQLSTATE classes 22 (data exception) and 23 (integrity constraint violation), which both families use
 * for most of theirs.
 */
const ofTheData = new Set([
  'WARN_DATA_TRUNCATED',
  'ER_TRUNCATED_WRONG_VALUE',
  'ER_TRUNCATED_WRONG_VALUE_FOR_FIELD',
  'ER_INVALID_CHARACTER_STRING',
  'ER_CANNOT_CONVERT_STRING',
  'ER_ILLEGAL_VALUE_FOR_TYPE',
  'ER_WRONG_VALUE_FOR_TYPE',
  'ER_CHECK_CONSTRAINT_VIOLATED',
  'ER_INVALID_JSON_TEXT',
  'ER_INVALID_JSON_TEXT_IN_PARAM',
  'ER_JSON_VALUE_TOO_BIG',
]);
const dataClasses = /^2[23]/;

/** The server refuses the log-in itself. */
const refusedLogIn = new Set([
  'ER_ACCESS_DENIED_ERROR',
  'ER_ACCESS_DENIED_NO_PASSWORD_ERROR',
  'ER_NOT_SUPPORTED_AUTH_MODE',
  'ER_PLUGIN_IS_NOT_LOADED',
  'ER_MUST_CHANGE_PASSWORD',
  'ER_MUST_CHANGE_PASSWORD_LOGIN',
  'ER_ACCOUNT_HAS_BEEN_LOCKED',
  'ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK',
  'ER_HOST_NOT_PRIVILEGED',
  'ER_HOST_IS_BLOCKED',
  'ER_SECURE_TRANSPORT_REQUIRED',
]);
/** No encrypted connection could be established. */
const notEncrypted = new Set(['HANDSHAKE_SSL_ERROR', 'HANDSHAKE_NO_SSL_SUPPORT']);
const missingGrants = new Set([
  'ER_DBACCESS_DENIED_ERROR',
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_COLUMNACCESS_DENIED_ERROR',
  'ER_SPECIFIC_ACCESS_DENIED_ERROR',
  'ER_PROCACCESS_DENIED_ERROR',
]);
/** Switched to read-only, as before a change of roles. */
const readOnly = new Set([
  'ER_OPTION_PREVENTS_STATEMENT',
  'ER_READ_ONLY_MODE',
  'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION',
]);
/** The connection, or the whole server, is gone. */
const unreachable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'ER_SERVER_SHUTDOWN',
  'ER_CON_COUNT_ERROR',
  'ER_TOO_MANY_USER_CONNECTIONS',
  'ER_USER_LIMIT_REACHED',
  'ER_CONNECTION_KILLED',
  'ER_QUERY_INTERRUPTED',
]);
/** MariaDB errors whose names the driver does not know. */
const mariadbNames: Readonly<Record<number, string>> = { 1927: 'ER_CONNECTION_KILLED', 1969: 'ER_STATEMENT_TIMEOUT' };
/** A full queue of statements needs some of them to end. */
const overloadedRetryAfterMs = 200;

/** The error type of mysql2's callbacks. */
export type DriverError = Error & {
  readonly code?: string | undefined;
  readonly errno?: number | undefined;
  readonly sqlState?: string | undefined;
};

/** Translates an error of mysql2, with the host and the statement. If somebody has to act, the message says how. */
export function sqlError(error: DriverError, host: string, statement?: string): RoostError {
  const name = error.code ?? mariadbNames[error.errno ?? 0];
  const code = canonical(name, error);
  return new RoostError(code, messageOf(name, error, host), {
    cause: error,
    fields: { host, statement, sql_code: name, sql_state: error.sqlState },
    ...(code === 'Overloaded' ? { retryAfterMs: overloadedRetryAfterMs } : {}),
  });
}

/**
 * Whether an error concerns the written data, so that every attempt will meet it: the server named a value or a row,
 * or the code that applies it refused it. Any other error, listed or not, concerns the place: its host, tables or
 * settings, or a holder of its locks.
 */
export function namesData({ code, fields }: RoostError): boolean {
  const { sql_code: name, sql_state: state } = fields;
  if (name === undefined && state === undefined)
    return code === 'DataLoss' || code === 'InvalidArgument' || code === 'Internal';
  if (name !== undefined && misunderstood.has(name)) return false;
  return (name !== undefined && ofTheData.has(name)) || (state !== undefined && dataClasses.test(state));
}

/**
 * Whether an error means that the whole host is unusable. A missing table, right or room of one statement does not.
 */
export const isHostDown = ({ code, fields }: RoostError): boolean => {
  const name = fields['sql_code'];
  return (
    code === 'Unavailable' &&
    (name === undefined || unreachable.has(name) || refusedLogIn.has(name) || notEncrypted.has(name))
  );
};

function canonical(name: string | undefined, { message, errno, sqlState }: DriverError): ErrorCode {
  // The pool's own errors have no code.
  if (name === undefined && errno === undefined)
    return /queue limit/i.test(message)
      ? 'Overloaded'
      : /connection|closed/i.test(message)
        ? 'Unavailable'
        : 'Internal';
  if (name !== undefined) {
    if (conflicts.has(name)) return 'Conflict';
    if (timeouts.has(name)) return 'DeadlineExceeded';
    if (overloaded.has(name)) return 'Overloaded';
    if (missing.has(name)) return 'FailedPrecondition';
    if (misunderstood.has(name) || ofTheData.has(name)) return 'Internal';
  }
  return sqlState !== undefined && dataClasses.test(sqlState) ? 'Internal' : 'Unavailable';
}

function messageOf(name: string | undefined, error: DriverError, host: string): string {
  const { message } = error;
  if (name !== undefined && notEncrypted.has(name))
    return `${host}: ${tlsTrouble(error) ?? message}; check databaseHosts.${host}.tls`;
  if (name !== undefined && refusedLogIn.has(name)) {
    const user = /user '([^']*)'/i.exec(message)?.[1];
    return `${host} refuses the log-in${user === undefined ? '' : ` of user '${user}'`}: check databaseHosts.${host}.user and password (${message})`;
  }
  if (name !== undefined && missingGrants.has(name))
    return `${host} lacks a grant for the user of databaseHosts.${host}: ${message}`;
  if (name !== undefined && readOnly.has(name)) return `${host} refuses writes (read_only): ${message}`;
  return `${host}: ${message === '' ? (name ?? 'no message') : message}`;
}
