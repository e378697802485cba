import { describe, expect, it } from 'vitest';
import { containsCall, executeCall } from '../test/inMemory/rawClient.js';
import { BinaryWriter } from '../wire/index.js';
import { CallHeads, seqidOf, setSeqid } from './callHead.js';

const heads = new CallHeads(['contains', 'execute', 'explain', 'write_edges'], {
  execute: 'write',
  explain: 'background',
  write_edges: 'write',
});
const message = (frame: Buffer): Buffer => frame.subarray(4);

function call(method: string, write: (output: BinaryWriter) => void = () => undefined): Buffer {
  let bytes = Buffer.alloc(0);
  const output = new BinaryWriter(true, (frame) => (bytes = Buffer.from(frame)));
  output.writeMessageBegin(method, 1, 7);
  write(output);
  output.writeFieldStop();
  output.flush();
  return message(bytes);
}

const writeEdges = (priority: number): Buffer =>
  call('write_edges', (output) => {
    output.writeFieldBegin('writes', 12, 1);
    output.writeFieldBegin('source_ids', 11, 3);
    output.writeBinary(Buffer.alloc(8_000));
    output.writeFieldStop();
    output.writeFieldBegin('options', 12, 2);
    output.writeFieldBegin('deadline_ms', 8, 3);
    output.writeI32(1_000);
    output.writeFieldBegin('priority', 8, 1);
    output.writeI32(priority);
    output.writeFieldStop();
  });

describe('the head of a call', () => {
  it.each([
    ['a read', message(containsCall(true, 1)), { method: 'contains', kind: 'read', rank: 'high' }],
    ['a background read', call('explain'), { method: 'explain', kind: 'background', rank: 'low' }],
    ["FlockDB's write of low priority", message(executeCall(1, 2n, 1)), { kind: 'write', rank: 'low' }],
    ["FlockDB's write of medium priority", message(executeCall(1, 2n, 2)), { kind: 'write', rank: 'medium' }],
    ["FlockDB's write of high priority", message(executeCall(1, 2n, 3)), { kind: 'write', rank: 'high' }],
    ['a write of low priority', writeEdges(1), { kind: 'write', rank: 'low' }],
    ['a write of medium priority', writeEdges(2), { kind: 'write', rank: 'medium' }],
    ['a write without options', call('write_edges'), { kind: 'write', rank: 'high' }],
    ['a write that ends too soon', writeEdges(1).subarray(0, 100), { kind: 'write', rank: 'high' }],
    ['a method that the service does not have', call('other'), { method: undefined, kind: 'read', rank: 'high' }],
  ])('names %s', (_, bytes, head) => {
    expect(heads.of(bytes)).toMatchObject(head);
  });

  it('is refused when malformed', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(40), call('contains').subarray(0, 14), call('x'.repeat(257))])
      expect(() => heads.of(bytes)).toThrow('malformed');
  });

  it('gives its sequence id to an answer among others', () => {
    const frames = Buffer.concat([containsCall(true, 1), containsCall(true, 2)]);
    const second = frames.length / 2;
    setSeqid(frames, second, seqidOf(message(containsCall(true, -9))));
    expect([seqidOf(frames.subarray(4)), seqidOf(frames.subarray(second + 4))]).toEqual([1, -9]);
  });
});
