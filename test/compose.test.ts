import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { configSchema } from '../process/index.js';

const read = (name: string): string => readFileSync(join(import.meta.dirname, '..', name), 'utf8');
const { server } = configSchema.parse({ databaseHosts: { db1: {} }, nameServer: { hosts: ['db1'] } });
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
