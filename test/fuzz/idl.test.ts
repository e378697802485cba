import { expect, it } from 'vitest';
import {
  TBirdProcessor,
  RoostFlockProcessor,
  RoostTimelinesProcessor,
  UsersProcessor,
  JobInjectorProcessor,
} from '../../wire/index.js';
import { ManagerProcessor } from '../../wire/manager/index.js';
import { readIdl } from './idl.js';

const idl = readIdl([
  'roost.thrift',
  'tbird.thrift',
  'users.thrift',
  'timelines.thrift',
  'manager.thrift',
  'injector.thrift',
]);

it.each([
  ['RoostFlock', RoostFlockProcessor],
  ['TBird', TBirdProcessor],
  ['Users', UsersProcessor],
  ['RoostTimelines', RoostTimelinesProcessor],
  ['Manager', ManagerProcessor],
  ['JobInjector', JobInjectorProcessor],
] as const)('finds the methods of %s, as the generated code has them', (service, processor) => {
  const names: string[] = [];
  for (let one = processor.prototype as object; one !== Object.prototype; one = Object.getPrototypeOf(one) as object)
    names.push(...Object.getOwnPropertyNames(one).filter((name) => name.startsWith('process_')));
  expect(
    idl.services
      .get(service)!
      .map(({ name }) => `process_${name}`)
      .sort(),
  ).toEqual(names.sort());
});

it('finds fields with their numbers and types', () => {
  expect(idl.structs.get('QueryTerm')).toHaveLength(7);
  expect(idl.structs.get('SelectOperation')![0]!.type).toEqual({ kind: 'enum', values: [1, 2, 3, 4] });
  expect(idl.structs.get('TimelineSegment')![2]!.type).toEqual({ kind: 'enum', values: [0, 1, 2] });
  expect(idl.structs.get('NameServerState')![4]).toEqual({
    id: 5,
    name: 'hostWeights',
    type: { kind: 'list', of: { kind: 'struct', name: 'HostWeightInfo' } },
  });
  expect(idl.services.get('RoostFlock')!.find(({ name }) => name === 'edge_states')!.arguments).toHaveLength(4);
  for (const fields of [
    ...idl.structs.values(),
    ...[...idl.services.values()].flat().map((method) => method.arguments),
  ])
    for (const { type } of fields) if (type.kind === 'struct') expect([...idl.structs.keys()]).toContain(type.name);
});
