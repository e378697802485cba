import { describe, expect, it } from 'vitest';
import { applyChanges } from './changes.js';
import { changesBetween } from './changesBetween.js';
import { AttributeForms } from '../shardAttributes.js';
import { topologyFromJson as read, topologyToJson } from './topologyFile.js';
import { emptyTopology, type TopologyState } from './types.js';

const id = (hostname: string, tablePrefix: string) => ({ hostname, tablePrefix });
const usual = { values: 'any', allows: () => true, default: 'BIGINT UNSIGNED' };
const attributes = { sourceType: usual, destinationType: usual };
const forms = new AttributeForms(new Map([['flock', { name: 'flock', attributes }]]));
const topologyFromJson = (json: string, current: TopologyState) => read(json, current, forms);

const state: TopologyState = {
  ...emptyTopology,
  version: 7,
  tables: [
    { tableId: -1, name: 'follows', service: 'flock', hash: 'fnv1a64' },
    { tableId: 1, name: 'follows', service: 'flock', hash: 'fnv1a64' },
  ],
  shards: [
    { id: id('db1', 'f'), type: 'flock', attributes: { destinationType: 'INT UNSIGNED' }, busy: 'busy' },
    { id: id('localhost', 'f_root'), type: 'replicating', attributes: {}, busy: 'normal' },
  ],
  links: [{ parent: id('localhost', 'f_root'), child: id('db1', 'f'), weight: 3 }],
  forwardings: [{ tableId: 1, baseId: 2n ** 62n + 1n, shard: id('localhost', 'f_root') }],
  hostWeights: [{ hostname: 'db1', read: 0.5, write: 1 }],
  remoteHosts: [{ hostname: 'far', port: 7921, cluster: 'west', status: 'blocked' }],
  pausedPriorities: ['low'],
  fanouts: [{ priority: 'high', suffix: 'watch' }],
};

describe('a topology as a file', () => {
  it('reads back the topology that it wrote, busy marks included', () => {
    const { state: again, madeOf } = topologyFromJson(topologyToJson(state), state);
    expect(madeOf).toBe(7);
    expect(changesBetween(state, again)).toEqual([]);
    expect(
      changesBetween(emptyTopology, applyChanges(emptyTopology, changesBetween(emptyTopology, { ...again }))),
    ).toHaveLength(10);
  });

  it('reads the two texts that releases before wrote in place of attributes', () => {
    const before = topologyToJson(state).replace(
      '"attributes":{"destinationType":"INT UNSIGNED"}',
      '"sourceType":"BIGINT UNSIGNED","destinationType":"INT UNSIGNED"',
    );
    expect(before).toContain('"sourceType"');
    expect(changesBetween(state, topologyFromJson(before, state).state)).toEqual([]);
  });

  it('says that the file was edited or damaged when the checksum does not match', () => {
    const text = topologyToJson(state);
    expect(topologyFromJson(text, state).edited).toBe(false);
    expect(topologyFromJson(text.replace('"weight":3', '"weight":2'), state).edited).toBe(true);
    expect(topologyFromJson(text.replace('"version": 7', '"version": 6'), state).edited).toBe(true);
    expect(topologyFromJson(text.replace(/"checksum": "[^"]*"/, '"checksum": "0"'), state).edited).toBe(true);
    // A file of the release before, or of a person.
    expect(topologyFromJson(text.replace(/,\n *"checksum": .*/, ''), state).edited).toBe(false);
    // The order of keys and entries does not matter.
    const turned = {
      ...state,
      remoteHosts: [{ status: 'blocked', cluster: 'west', port: 7921, hostname: 'far' }] as const,
    };
    expect(topologyToJson(turned)).toBe(text);
  });

  it('is the same whatever the order in which the topology was built', () => {
    const turned: TopologyState = {
      ...state,
      tables: [...state.tables].reverse(),
      shards: [...state.shards].reverse(),
    };
    expect(topologyToJson(turned)).toBe(topologyToJson(state));
  });

  it.each([
    ['{', /not JSON/],
    [
      '{"shards": [{"id": "db1", "type": "flock"}]}',
      /^shards\.0\.id: "db1" is no shard id|^shards\.0\.id: .*is no shard id/,
    ],
    ['{"forwardings": [{"tableId": 1, "baseId": 5, "shard": "a/x"}]}', /^forwardings\.0\.baseId: /],
    ['{"shard": []}', /Unrecognized key/],
    ['{"links": [{"parent": "a/x", "child": "b/x"}, {"parent": "a/x", "child": "b/x"}]}', /link a\/x → b\/x twice/],
  ])('refuses %s', (json, message) => {
    expect(() => topologyFromJson(json, state)).toThrow(
      expect.objectContaining({ code: 'InvalidArgument', message: expect.stringMatching(message) as string }) as Error,
    );
  });
});
