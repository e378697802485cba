import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAccessFile } from '../../access/accessFile.js';
import { parseJobLine } from '../../backup/jobLines.js';
import { parseHead, rowReader } from '../../backup/rowLines.js';
import { DumpVerifier, withChecksum } from '../../cli/edges/dumpChecksum.js';
import { EdgeParser } from '../../cli/edges/edgeParser.js';
import { NdjsonParser } from '../../cli/edges/ndjsonParser.js';
import { stores } from '../../cli/stores.js';
import { TweetFile } from '../../cli/tweets/tweetFile.js';
import { configPartsOf } from '../../cluster/index.js';
import { topologyFromJson, topologyToJson, type MovableTable, type TopologyState } from '../../gizzard/index.js';
import { AttributeForms } from '../../gizzard/shardAttributes.js';
import { loadConfig } from '../../process/index.js';

/** A form of file that Roost reads. */
export interface FileForm {
  readonly name: string;
  /** Right samples. */
  readonly samples: readonly string[];
  readonly read: (bytes: Buffer) => unknown;
}

const state: TopologyState = {
  version: 3,
  tables: [{ tableId: 1, name: 'follows', service: 'flock', hash: 'fnv1a' }],
  shards: [
    { id: { hostname: 'localhost', tablePrefix: 'root' }, type: 'replicating', attributes: {}, busy: 'normal' },
    { id: { hostname: 'db1', tablePrefix: 'edges' }, type: 'edges', attributes: {}, busy: 'normal' },
  ],
  links: [
    {
      parent: { hostname: 'localhost', tablePrefix: 'root' },
      child: { hostname: 'db1', tablePrefix: 'edges' },
      weight: 1,
    },
  ],
  forwardings: [{ tableId: 1, baseId: 0n, shard: { hostname: 'localhost', tablePrefix: 'root' } }],
  hostWeights: [{ hostname: 'db1', read: 1, write: 1 }],
  remoteHosts: [{ hostname: 'far', port: 7920, cluster: 'far', status: 'normal' }],
  pausedPriorities: [],
  fanouts: [],
};

const access = {
  identities: {
    web: {
      grants: [{ roles: ['read', 'write'], services: ['flock'], graphs: ['follows'] }],
      tokens: [{ id: 'abcdefgh', sha256: '0'.repeat(64), createdAt: '2026-01-01T00:00:00Z' }],
      certificates: ['CN:web'],
      networks: ['10.0.0.0/8', 'fd00::/8'],
      callsPerSecond: 10,
    },
  },
};

const config = {
  cluster: 'roost',
  databaseHosts: { db1: { host: '127.0.0.1', port: 3306, user: 'roost', password: 'x' } },
  nameServer: { hosts: ['db1'] },
  redis: { host: '127.0.0.1', port: 6379 },
  memcached: ['127.0.0.1:11211'],
  cache: { tweets: true, listIds: 400 },
  jobs: { errorLimit: 10, maxQueued: 1_000 },
  server: { host: '127.0.0.1', flockPort: 7915 },
};

const edgeLines = '# edges\n1 2\n3 4\n5 9223372036854775807\n\n7\t8\r\n';
const ndjsonLines = [
  { source: '1', destination: 2, state: 'archived', position: '5', positionedAt: '7', updatedAt: '9' },
  { source: 1, destination: 3, own: 'normal', state: 'removed', position: 1, positionedAt: 2, updatedAt: 3 },
  { node: '1', direction: 'forward', color: 'archived', coloredAt: '5', removedThrough: '3' },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join('');
const checked = withChecksum(edgeLines, 6, 'edges') + withChecksum('1 2\n', 1, 'edges');

const rowsHead = { tableId: 1, type: 'edges', table: 'edges', columns: ['id', 'at', 'text'] };
const rowsFile = `${JSON.stringify(rowsHead)}\n["1","2",null]\n[3,4,"x"]\n`;
const savedTable = {
  name: 'edges',
  saved: { columns: ['id', 'at', 'text'], cells: (row: unknown) => row, row: (cells: unknown) => cells },
} as unknown as MovableTable;

function readRows(bytes: Buffer): void {
  const [head, ...lines] = bytes.toString().split('\n').slice(0, -1);
  const read = rowReader('rows', parseHead(head, 'rows'), savedTable, state.shards[1]!);
  for (const line of lines) read(line);
}

const parserOptions = { name: 'edges', batchSize: 2 } as const;

function readEdges(
  bytes: Buffer,
  parserOf: (options: typeof parserOptions & { skipBad: boolean }) => EdgeParser | NdjsonParser,
): void {
  // Read the file in pieces, once to its end and once to the first wrong line.
  for (const skipBad of [true, false]) {
    const parser = parserOf({ ...parserOptions, skipBad });
    for (let at = 0; at < bytes.length; at += 7_001) for (const _ of parser.push(bytes.subarray(at, at + 7_001)));
    for (const _ of parser.end());
  }
}

/** The files that are read from the disk. */
class Folder {
  readonly dir = mkdtempSync(join(tmpdir(), 'roost-fuzz-'));

  write(name: string, bytes: Buffer): string {
    const path = join(this.dir, name);
    writeFileSync(path, bytes);
    return path;
  }

  async tweets(name: string, bytes: Buffer): Promise<void> {
    const file = await TweetFile.open(this.write(name, bytes));
    const { signal } = new AbortController();
    for await (const _ of file.rows({ user: 1n, skipBad: bytes.length % 2 === 0, signal }));
  }
}

/** @returns every form, and what removes their folder */
export function fileForms(): { readonly forms: readonly FileForm[]; readonly remove: () => void } {
  const folder = new Folder();
  const forms: FileForm[] = [
    { name: 'access file', samples: [JSON.stringify(access)], read: (bytes) => parseAccessFile(bytes.toString(), 'x') },
    {
      name: 'configuration',
      samples: [JSON.stringify(config)],
      read: (bytes) =>
        loadConfig({ path: folder.write('config.json', bytes), environment: {}, parts: configPartsOf(stores) }),
    },
    {
      name: 'topology file',
      samples: [topologyToJson(state)],
      read: (bytes) => topologyFromJson(bytes.toString(), state, new AttributeForms()),
    },
    { name: 'edge list', samples: [edgeLines], read: (bytes) => readEdges(bytes, (given) => new EdgeParser(given)) },
    {
      name: 'dump of a graph',
      samples: [ndjsonLines],
      read: (bytes) => readEdges(bytes, (given) => new NdjsonParser(given)),
    },
    {
      name: 'checksums of a dump',
      samples: [checked, withChecksum(ndjsonLines, 3, 'ndjson')],
      read: (bytes) => {
        const verifier = new DumpVerifier('dump');
        for (let at = 0; at < bytes.length; at += 11) verifier.push(bytes.subarray(at, at + 11));
        verifier.end();
      },
    },
    {
      name: 'tweets as CSV',
      samples: ['id,text,user,created_at\n1,"a ""b""",2,2026-01-01T00:00:00Z\n125082707389718530,c,4,\n'],
      read: (bytes) => folder.tweets('tweets.csv', bytes),
    },
    {
      name: 'tweets as JSON lines',
      samples: ['{"id":"1","text":"a","user":2,"extra":{"a":[1]}}\n{"id":3,"text":"b","replyToTweetId":"1"}\n'],
      read: (bytes) => folder.tweets('tweets.ndjson', bytes),
    },
    { name: 'rows of a backup', samples: [rowsFile], read: readRows },
    {
      name: 'jobs of a backup',
      samples: ['[1,"1700000000000000","flock.edges",1,"AQID"]', '[2,"1700000000000000","damaged"]'],
      read: (bytes) => parseJobLine(bytes.toString(), 'jobs'),
    },
  ];
  return { forms, remove: () => rmSync(folder.dir, { recursive: true, force: true }) };
}
