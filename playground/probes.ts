import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import type { Address } from '../core/index.js';

/** The timeout of one attempt to reach a server; the caller bounds the whole wait. */
const attemptMs = 2000;

interface ProbeTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Asks a database for its version, as "MariaDB 10.11.19" or "MySQL 8.4.3". */
export async function probeMysql(address: Address, password: string, ssl?: ProbeTls): Promise<string> {
  const connection = await createConnection({
    host: address.host,
    port: address.port,
    user: 'root',
    password,
    ...(ssl && { ssl }),
    connectTimeout: attemptMs,
  });
  // An error after the answer must not end the process.
  connection.on('error', () => undefined);
  try {
    const [rows] = await connection.query({ sql: 'SELECT VERSION()', rowsAsArray: true, timeout: attemptMs });
    const version = String((rows as unknown[][])[0]?.[0]);
    return `${version.includes('MariaDB') ? 'MariaDB' : 'MySQL'} ${version.split('-')[0] ?? version}`;
  } finally {
    connection.destroy();
  }
}

/** Returns the pid that the Redis server reports for itself. Rejects while the server loads its data. */
export async function probeRedis(address: Address, tls?: ProbeTls): Promise<number> {
  const redis = new Redis({
    host: address.host,
    port: address.port,
    lazyConnect: true,
    ...(tls && { tls }),
    retryStrategy: () => null,
    connectTimeout: attemptMs,
    commandTimeout: attemptMs,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await redis.ping();
    return Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
  } finally {
    redis.disconnect();
  }
}

/** Returns the pid that the memcached server reports for itself. */
export const probeMemcached = (address: Address, tls?: ProbeTls): Promise<number> =>
  new Promise((resolve, reject) => {
    const { host, port } = address;
    const socket = tls
      ? connectTls({ host, port, timeout: attemptMs, ...tls })
      : connect({ host, port, timeout: attemptMs });
    let answer = '';
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.on('error', fail);
    socket.on('timeout', () => fail(new Error('memcached did not answer')));
    socket.on('close', () => reject(new Error('memcached closed the connection')));
    socket.on(tls ? 'secureConnect' : 'connect', () => socket.write('stats\r\n'));
    socket.on('data', (data: Buffer) => {
      answer += data.toString('latin1');
      if (!answer.includes('END\r\n')) return;
      socket.destroy();
      resolve(Number(/STAT pid (\d+)/.exec(answer)?.[1]));
    });
  });
