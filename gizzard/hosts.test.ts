import { expect, it } from 'vitest';
import { RoostError } from '../core/index.js';
import { Metrics } from '../process/index.js';
import type { Backend, Host } from './backend.js';
import { Hosts } from './hosts.js';

const backend = (name: string, names: readonly string[], rest: Partial<Backend> = {}): Backend =>
  ({
    name,
    names,
    host: (host: string) => ({ name: host, health: { healthy: host !== 'down', down: host === 'down' } }) as Host,
    ...rest,
  }) as Backend;

it('a host belongs to one backend', () => {
  const hosts = new Hosts(new Metrics());
  const mysql = backend('mysql', ['db2', 'db1']);
  for (let i = 0; i < 2; i++) hosts.add(mysql);
  hosts.add(backend('redis', ['cache', 'down']));
  expect(hosts.names).toEqual(['cache', 'db1', 'db2', 'down']);
  expect(hosts.backendOf('cache').name).toBe('redis');
  expect(hosts.names.filter(hosts.isHealthy)).toEqual(['cache', 'db1', 'db2']);
  expect(() => hosts.add(backend('other', ['db1']))).toThrow(/db1 stands in the configuration of mysql and of other/);
  expect(() => hosts.add(backend('redis', []))).toThrow(/two backends redis/);
});

it('a host that is not configured is Unavailable on a server, and FailedPrecondition in a command', () => {
  const hosts = new Hosts(new Metrics());
  hosts.add(backend('mysql', ['db1']));
  expect(hosts.isHealthy('constructor')).toBe(false);
  expect(() => hosts.host('db9')).toThrow(expect.objectContaining({ code: 'FailedPrecondition' }) as Error);
  hosts.serverName = () => 'server vm:7915';
  expect(() => hosts.host('db9')).toThrow(expect.objectContaining({ code: 'Unavailable' }) as Error);
});

it("the backend decides whether an error is the data's, and otherwise the error's code", () => {
  const hosts = new Hosts(new Metrics());
  hosts.add(backend('mysql', ['db1'], { namesData: ({ fields }) => fields['sql_state'] === '22001' }));
  hosts.add(backend('redis', ['cache']));
  const tooLong = new RoostError('Internal', 'too long', { fields: { sql_state: '22001' } });
  const away = new RoostError('Unavailable', 'away');
  const internal = new RoostError('Internal', 'a fault');
  expect([tooLong, away, internal].map((error) => hosts.namesData('db1', error))).toEqual([true, false, false]);
  expect([tooLong, away, internal].map((error) => hosts.namesData('cache', error))).toEqual([true, false, true]);
});

it('metrics tell which hosts are up', async () => {
  const metrics = new Metrics();
  const hosts = new Hosts(metrics);
  hosts.add(backend('mysql', ['db1', 'down']));
  const text = await metrics.registry.metrics();
  expect(text).toContain('roost_host_up{host="db1"} 1');
  expect(text).toContain('roost_host_up{host="down"} 0');
});
