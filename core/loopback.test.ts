import { expect, it } from 'vitest';
import { isLoopback } from './loopback.js';

it('accepts hosts that only this machine can reach', () => {
  const hosts = ['127.0.0.1', '127.8.9.10', '::1', 'localhost', '::ffff:127.0.0.1'];
  expect(hosts.filter((host) => !isLoopback(host))).toEqual([]);
});

it('treats every other address and name as reachable by others', () => {
  const hosts = ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', 'localhost.example', '', '::ffff:10.0.0.1'];
  expect(hosts.filter((host) => isLoopback(host))).toEqual([]);
});
