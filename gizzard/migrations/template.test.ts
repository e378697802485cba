import { describe, expect, it } from 'vitest';
import { parseTemplate } from './parseTemplate.js';
import { printTemplate } from './template.js';

const leafType = (name: string): string | undefined => ({ flock: 'flock', SqlShard: 'flock' })[name];
const parse = (text: string): string => printTemplate(parseTemplate(text, leafType));

describe('a template', () => {
  it.each([
    ['flock(db1)', 'flock(db1)'],
    ['replicating(flock(db2), flock(db1))', 'replicating(flock(db1), flock(db2))'],
    ['replicating( flock(db1) * 3 ,flock(db2)*0 )', 'replicating(flock(db1) * 3, flock(db2) * 0)'],
    ['replicating(flock(db1), writeOnly(flock(db2)) * 2)', 'replicating(flock(db1), writeOnly(flock(db2)) * 2)'],
    ['flock(db1, sourceType="INT UNSIGNED") * 2', 'flock(db1, sourceType="INT UNSIGNED")'],
    ['flock(db1 , windowMs = 3600000, "a")', 'flock(db1, sourceType=a, windowMs=3600000)'],
    ['blackHole', 'blackHole()'],
    [
      'replicating(replicating(flock(a), flock(b)), blackHole())',
      'replicating(blackHole(), replicating(flock(a), flock(b)))',
    ],
    ['flock(db-1.example.com:3306)', 'flock(db-1.example.com:3306)'],
    ['flock(db1) * 7', 'flock(db1)'],
  ])('reads %s', (text, printed) => {
    expect(parse(text)).toBe(printed);
    expect(parse(printed)).toBe(printed);
  });

  it.each([
    [
      'ReplicatingShard(1) -> (SqlShard(db1,1,"INT UNSIGNED","INT UNSIGNED"), SqlShard(db2,5,"INT UNSIGNED","INT UNSIGNED"))',
      'replicating(flock(db1, destinationType="INT UNSIGNED", sourceType="INT UNSIGNED"), flock(db2, destinationType="INT UNSIGNED", sourceType="INT UNSIGNED") * 5)',
    ],
    ['ReplicatingShard -> SqlShard(db1)', 'replicating(flock(db1))'],
    [
      'ReplicatingShard(1) -> (BlockedShard(2) -> SqlShard(db1,1), SqlShard(db2,1))',
      'replicating(blocked(flock(db1)) * 2, flock(db2))',
    ],
    [
      'com.twitter.gizzard.shards.ReplicatingShard(1) -> (com.twitter.flockdb.SqlShard(db1,1), BlackHoleShard)',
      'replicating(blackHole(), flock(db1))',
    ],
    ['ReplicatingShard(1,"","")->(SqlShard(db1,1))', 'replicating(flock(db1))'],
  ])('reads what the old tools write: %s', (text, printed) => {
    expect(parse(text)).toBe(printed);
  });

  it.each([
    ['', 1, 'expected the type of a node or shard, found the end'],
    ['replicating(flock(db1)', 23, 'expected "," or ")", found the end'],
    ['replicating(flock(db1) flock(db2))', 24, 'expected "," or ")", found "flock"'],
    [
      'replicating(flok(db1))',
      13,
      'expected replicating, writeOnly, readOnly, blocked, blackHole, slave or the type of a shard, found "flok"',
    ],
    ['flock()', 7, 'expected the name of a host, found ")"'],
    ['flock(3)', 7, 'expected the name of a host, found "3"'],
    ['flock(db1) * many', 14, 'expected a weight from 0 to 2147483647, found "many"'],
    ['flock(db1) * 99999999999', 14, 'expected a weight from 0 to 2147483647, found "99999999999"'],
    ['flock(db1) flock(db2)', 12, 'expected the end, found "flock"'],
    ['flock(blocked(flock(db1)))', 7, 'expected a host, since flock holds data and has no children, found "blocked"'],
    ['flock(db1, "a", "b", "c")', 22, 'expected two column types in quotes, or ")", found "c"'],
    ['flock(db1, sourceType=)', 23, 'expected a value, found ")"'],
    ['flock(host=db1)', 7, 'expected the name of a host, found "host"'],
    ['flock(db1, a=1, a=2)', 17, 'expected an attribute that is not given yet, found "a"'],
    ['flock(db1; db2)', 10, '";" has no place in a template'],
    ['ReplicatingShard(1) -> ', 23, 'expected the type of a node or shard, found the end'],
  ])('says where %j goes wrong', (text, character, message) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ code: 'InvalidArgument', fields: { character: String(character) } }) as Error,
    );
    expect(() => parse(text)).toThrow(message);
  });

  it.each([
    ['replicating()', 'replicating must have at least one child, not 0'],
    ['blocked(flock(db1), flock(db2))', 'blocked must have one child, not 2'],
    ['writeOnly', 'writeOnly must have one child, not 0'],
    ['replicating(flock(db1), blocked(flock(db1)))', 'holds flock on db1 twice'],
  ])('refuses %s', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });
});
