import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Deadline, limits } from '../core/index.js';
import { Gate } from '../test/inMemory/gate.js';
import { containsCall } from '../test/inMemory/rawClient.js';
import { client, exceptionText, metric, start } from '../test/inMemory/rawServer.js';
import { BinaryWriter } from '../wire/index.js';

function call(method: string, seqid: number, write: (output: BinaryWriter) => void): Buffer {
  let bytes = Buffer.alloc(0);
  const output = new BinaryWriter(true, (message) => (bytes = Buffer.from(message)));
  output.writeMessageBegin(method, 1, seqid);
  write(output);
  output.writeFieldStop();
  output.flush();
  return bytes;
}

/** One edge, with an acknowledgment of the IDL. */
const writeCall = (seqid: number, acknowledgment: number): Buffer =>
  call('write_edges', seqid, (output) => {
    output.writeFieldBegin('writes', 12, 1);
    output.writeFieldBegin('graph_id', 8, 1);
    output.writeI32(1);
    for (const [place, bytes] of [Buffer.of(1), Buffer.alloc(8, 1), Buffer.alloc(8, 2)].entries()) {
      output.writeFieldBegin('column', 11, place + 2);
      output.writeBinary(bytes);
    }
    output.writeFieldStop();
    output.writeFieldBegin('options', 12, 2);
    output.writeFieldBegin('acknowledgment', 8, 2);
    output.writeI32(acknowledgment);
    output.writeFieldStop();
  });

/** Queries that are empty structs. */
const emptyStructsCall = (seqid: number, count: number): Buffer =>
  call('select2', seqid, (output) => {
    output.writeFieldBegin('queries', 15, 1);
    output.writeListBegin(12, count);
    output.writeBinary(Buffer.alloc(count - 4));
  });

describe('limits', () => {
  it('refuses calls past the number in flight, for one connection and for all, with Overloaded', async () => {
    const server = await start({ limits: { connectionInFlight: 2, slots: { read: 3 } } });
    const gate = new Gate();
    server.flock.before = () => gate.pass();
    const [first, second] = [await client(server), await client(server)];
    for (const seqid of [1, 2, 3]) first.send(containsCall(true, seqid));
    const perConnection = await first.answer();
    expect(perConnection?.seqid).toBe(3);
    expect(exceptionText(perConnection!.message)).toContain('this connection has 2 requests in flight');
    for (const seqid of [4, 5]) second.send(containsCall(true, seqid));
    const inAll = await second.answer();
    expect(inAll?.seqid).toBe(5);
    expect(exceptionText(inAll!.message)).toContain('the server has 3 reads in work');
    gate.open();
    expect([(await first.answer())?.seqid, (await first.answer())?.seqid, (await second.answer())?.seqid]).toEqual([
      1, 2, 4,
    ]);
    expect(await metric(server, /^roost_rpc_calls_total\{method="contains",code="Overloaded"\} 2$/m)).toBeDefined();
    expect(await metric(server, /^roost_rpc_calls_total\{method="contains",code="OK"\} 3$/m)).toBeDefined();
  });

  it('makes room for one more by closing the one that has been silent or idle the longest, and closes the new one where all are at work', async () => {
    const server = await start({ limits: { connections: 2 } });
    const gate = new Gate();
    const [used, silent] = [await client(server), await client(server)];
    used.send(containsCall(true, 1));
    await used.answer();
    const working = await client(server);
    await silent.closedByServer();
    server.flock.before = () => gate.pass();
    working.send(containsCall(true, 2));
    await gate.hasHeld(1);
    const next = await client(server);
    await used.closedByServer();
    next.send(containsCall(true, 3));
    await gate.hasHeld(2);
    await (await client(server)).closedByServer();
    gate.open();
    expect([(await working.answer())?.seqid, (await next.answer())?.seqid]).toEqual([2, 3]);
  });

  it('closes the largest incomplete requests first, and answers whoever brings whole ones', async () => {
    const server = await start({ limits: { heldBytes: 1_000_000 } });
    const good = await Promise.all(Array.from({ length: 20 }, () => client(server)));
    const attackers = await Promise.all(Array.from({ length: 16 }, () => client(server)));
    const head = Buffer.alloc(4);
    head.writeUInt32BE(200_000);
    for (const attacker of attackers) attacker.send(Buffer.concat([head, Buffer.alloc(150_000)]));
    for (let round = 1; round <= 5; round++) {
      for (const client of good) client.send(containsCall(true, round));
      expect(await Promise.all(good.map(async (client) => (await client.answer())?.seqid))).toEqual(
        good.map(() => round),
      );
    }
    while ((await metric(server, /^roost_rpc_connections_refused_total\{reason="full"\} 10$/m)) === undefined)
      await sleep(10);
    expect(await metric(server, /^roost_rpc_connections{service="flock"} 26$/m)).toBeDefined();
  });

  it('closes a connection whose request does not become complete, however often a byte of it comes', async () => {
    const server = await start({ limits: { incompleteMs: 80 } });
    const [dribbling, idle] = [await client(server), await client(server)];
    const dribble = setInterval(() => dribbling.send(Buffer.of(0)), 10);
    dribbling.send(Buffer.from([0, 0, 255, 255]));
    await dribbling.closedByServer();
    clearInterval(dribble);
    idle.send(containsCall(true, 1));
    expect((await idle.answer())?.seqid).toBe(1);
  });

  it('keeps slots for each kind: writes that wait until they are applied take none of the others', async () => {
    const server = await start({ limits: { slots: { materialized: 2 } } });
    const gate = new Gate();
    server.flock.before = (method) => (method === 'write' ? gate.pass() : undefined);
    const raw = await client(server);
    for (const seqid of [1, 2, 3]) raw.send(writeCall(seqid, 2));
    const refused = await raw.answer();
    expect(refused?.seqid).toBe(3);
    expect(exceptionText(refused!.message)).toBe('Overloaded');
    raw.send(containsCall(true, 4));
    expect((await raw.answer())?.seqid).toBe(4);
    gate.open();
    expect([(await raw.answer())?.seqid, (await raw.answer())?.seqid]).toEqual([1, 2]);
  });

  it('gives up the calls that wait for a client that has gone', async () => {
    const server = await start();
    const given = new Promise<void>((resolve) => {
      server.flock.before = () => {
        const { cancellation } = server.flock.lastOptions!;
        cancellation!.onCancel(resolve);
        return Deadline.after(60_000, cancellation).race(new Promise(() => undefined), 'applying a write');
      };
    });
    const raw = await client(server);
    raw.send(writeCall(1, 2));
    while (server.flock.calls.length === 0) await sleep(1);
    // A process that ends closes its side in order; only a reset would say more.
    raw.socket.end();
    await given;
    while ((await metric(server, /^roost_rpc_in_flight{service="flock"} 0$/m)) === undefined) await sleep(5);
  });

  it('refuses a call that holds too much before anything is made of it, and the connection goes on', async () => {
    const server = await start();
    const raw = await client(server);
    raw.send(emptyStructsCall(1, 1_000_000));
    const refused = await raw.answer();
    expect(refused).toMatchObject({ seqid: 1, type: 2 });
    expect(exceptionText(refused!.message)).toContain('a list or map of 1000000 entries');
    raw.send(containsCall(true, 2));
    expect((await raw.answer())?.seqid).toBe(2);
    expect(server.flock.calls).toEqual(['states']);
  });

  it('closes a connection that is idle or never finishes a message, but not one that waits for its answer', async () => {
    const server = await start({ limits: { idleMs: 40 } });
    const gate = new Gate();
    server.flock.before = () => gate.pass();
    const [waiting, idle, unfinished] = [await client(server), await client(server), await client(server)];
    waiting.send(containsCall(true, 1));
    unfinished.send(containsCall(true, 1).subarray(0, 10));
    await Promise.all([idle.closedByServer(), unfinished.closedByServer()]);
    gate.open();
    expect((await waiting.answer())?.seqid).toBe(1);
  });

  it('closes the connection of a client that sends more than the server may hold', async () => {
    const server = await start({ limits: { heldBytes: 100_000 } });
    const [good, greedy] = [await client(server), await client(server)];
    const head = Buffer.alloc(4);
    head.writeUInt32BE(limits.messageBytes);
    greedy.send(Buffer.concat([head, Buffer.alloc(200_000)]));
    await greedy.closedByServer();
    good.send(containsCall(true, 1));
    expect((await good.answer())?.seqid).toBe(1);
  });

  it('does not read on from a client that does not take its answers', async () => {
    const server = await start();
    const raw = await client(server);
    raw.socket.pause();
    const calls = 400_000;
    const call = containsCall(true, 1);
    const flood = Buffer.concat(Array.from({ length: 1_000 }, () => call));
    for (let sent = 0; sent < calls; sent += 1_000) raw.send(flood);
    // The answers fill the buffers of both sides long before all calls have come.
    let before = -1;
    while (server.flock.calls.length !== before || before === 0) {
      before = server.flock.calls.length;
      await sleep(200);
    }
    expect(before).toBeLessThan(calls);
    const other = await client(server);
    other.send(containsCall(true, 9));
    expect((await other.answer())?.seqid).toBe(9);
  });
});
