import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { stores } from '../cli/stores.js';
import { configPartsOf } from '../cluster/index.js';
import { configSchemaWith, loadConfig } from '../process/index.js';

const read = (name: string): string => readFileSync(join(import.meta.dirname, '..', name), 'utf8');
const parts = configPartsOf(stores);
const { server } = configSchemaWith(parts).parse({ databaseHosts: { db1: {} }, nameServer: { hosts: ['db1'] } });
const services = Object.entries(server).flatMap(([key, port]) =>
  typeof port === 'number' && key.endsWith('Port') ? [{ service: key.slice(0, -'Port'.length), port }] : [],
);

it('the cluster in containers publishes the port of every service, on loopback', () => {
  const published = [
    ...read('docker-compose.yml').matchAll(/- '127\.0\.0\.1:\$\{(ROOST_\w+_PORT):-(\d+)\}:(\d+)'/g),
  ].map(([, variable, outside, inside]) => [variable, Number(outside), Number(inside)]);
  expect(published.sort()).toEqual(
    services.map(({ service, port }) => [`ROOST_${service.toUpperCase()}_PORT`, port, port]).sort(),
  );
  expect(/^EXPOSE (.*)$/m.exec(read('Dockerfile'))?.[1]?.split(' ').map(Number).sort()).toEqual(
    services.map(({ port }) => port).sort(),
  );
});

it('has a configuration that servers accept, with each plain connection beyond loopback asked for by name', () => {
  const file = 'docker/roost.config.json';
  const load = (path: string) =>
    loadConfig({ path, parts, environment: {}, workingFolder: join(import.meta.dirname, '..') });
  expect(load(file).config.server).toMatchObject({ host: '0.0.0.0', plain: true });
  const folder = mkdtempSync(join(tmpdir(), 'roost-compose-'));
  try {
    const unasked = join(folder, 'roost.config.json');
    writeFileSync(unasked, read(file).replaceAll(/,? *"plain": true/g, ''));
    for (const of of ['databaseHosts.db1', 'databaseHosts.db2', 'redis', 'timeline.hosts.tl1'])
      expect(() => load(unasked)).toThrow(`${of} is not on loopback`);
    writeFileSync(unasked, read(file).replace('"cache": { "plain": true },', ''));
    expect(() => load(unasked)).toThrow('cache node cache1 is not on loopback');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
