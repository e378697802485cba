import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { TweetFile, type FileRow } from './tweetFile.js';

const folder = mkdtempSync(join(tmpdir(), 'roost-tweet-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function rowsOf(name: string, content: Buffer | string, skipBad = false): Promise<FileRow[]> {
  const path = join(folder, name);
  writeFileSync(path, content);
  const rows: FileRow[] = [];
  for await (const row of (await TweetFile.open(path)).rows({
    user: 7n,
    skipBad,
    signal: new AbortController().signal,
  }))
    rows.push(row);
  return rows;
}
const textsOf = async (name: string, content: Buffer | string): Promise<string[]> =>
  (await rowsOf(name, content)).map((row) => ('tweet' in row ? row.tweet.tweet.text : row.bad.message));
const bytes = (...parts: (string | number)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.of(part))));
const refused = (message: RegExp): unknown =>
  expect.objectContaining({ code: 'InvalidArgument', message: expect.stringMatching(message) as unknown });

describe('a file of tweets', () => {
  it('is read as UTF-8, with and without a byte order mark', async () => {
    expect(
      await textsOf('a.csv', '\ufeffid,text\n1860000000000000001,"né, 日本\n🐦"\n1860000000000000002,\ufffd\n'),
    ).toEqual(['né, 日本\n🐦', '\ufffd']);
    expect(await textsOf('b.csv', 'id,text\n1860000000000000001,x')).toEqual(['x']);
    expect(
      await textsOf(
        'a.ndjson',
        '\ufeff{"id":"1860000000000000001","text":"né\u2028日本 🐦"}\n\n{"id":"1860000000000000002","text":"\ufffd"}',
      ),
    ).toEqual(['né\u2028日本 🐦', '\ufffd']);
  });

  it('is refused when it is not valid UTF-8', async () => {
    await expect(
      rowsOf(
        'c.csv',
        bytes('id,text\n1860000000000000001,good\n1860000000000000002,caf', 0xe9, '\n1860000000000000003,x\n'),
      ),
    ).rejects.toEqual(refused(/c\.csv:3: text is not UTF-8/));
    await expect(rowsOf('c.ndjson', bytes('{"id":"1860000000000000001","text":"caf', 0xe9, '"}\n'))).rejects.toEqual(
      refused(/c\.ndjson:1: the line is not UTF-8/),
    );
    await expect(rowsOf('d.csv', bytes('id,te', 0xe9, 'xt\n1860000000000000001,a\n'))).rejects.toEqual(
      refused(/d\.csv: the head line is not UTF-8/),
    );
    const rows = await rowsOf(
      'e.csv',
      bytes('id,text\n1860000000000000001,caf', 0xe9, '\n1860000000000000002,x\n'),
      true,
    );
    expect(rows.map((row) => ('bad' in row ? row.bad.message : row.tweet.tweet.text))).toEqual([
      'text is not UTF-8',
      'x',
    ]);
  });

  it('is refused when it gives one field two values', async () => {
    await expect(rowsOf('f.csv', 'id,text,text\n1860000000000000001,a,b\n')).rejects.toEqual(
      refused(/f\.csv: the head line has two columns "text"/),
    );
    await expect(
      rowsOf('f.ndjson', '{"id":"1860000000000000001","text":"a","reply":{"text":"not this one"},"te\\u0078t":"b"}\n'),
    ).rejects.toEqual(refused(/f\.ndjson:1: has two values for "text"/));
    expect(
      await textsOf('g.ndjson', '{"id":"1860000000000000001","text":"\\"text\\": {","other":{"text":1}}\n'),
    ).toEqual(['"text": {']);
  });
});
