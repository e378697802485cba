import { connect } from 'node:net';
import { RoostError } from '../../core/index.js';

/** The largest answer from one node: the keys of a full node take some hundred megabytes. */
const maxAnswerBytes = 1024 * 1024 * 1024;

/**
 * Asks a node one question in memcached's text protocol, which can list the names of entries where the binary one
 * cannot. Yields the answer's lines without its end. Throws `Unavailable`, and `Overloaded` if the node is busy with
 * such a question for another caller.
 */
export async function* askInText(node: string, question: string, silenceMs = 5_000): AsyncGenerator<string> {
  const at = node.lastIndexOf(':');
  const socket = connect(Number(node.slice(at + 1)), node.slice(0, at));
  const fail = (why: string, cause?: unknown): RoostError =>
    new RoostError('Unavailable', `cache node ${node}: ${why}`, { fields: { node }, cause });
  socket.setTimeout(silenceMs, () => socket.destroy(fail('it does not answer')));
  socket.setEncoding('latin1');
  socket.write(`${question}\r\n`);
  let rest = '';
  let bytes = 0;
  try {
    for await (const chunk of socket as AsyncIterable<string>) {
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) throw fail('it answers without end');
      const lines = (rest + chunk).split(/\r?\n/);
      rest = lines.pop()!;
      for (const line of lines) {
        if (line === 'END' || line === 'OK') return;
        if (line.startsWith('BUSY'))
          throw new RoostError('Overloaded', `cache node ${node}: ${line}`, { fields: { node } });
        if (/^(ERROR|CLIENT_ERROR|SERVER_ERROR)/.test(line)) throw fail(line);
        yield line;
      }
    }
    throw fail('it closed the connection in the middle of an answer');
  } catch (error) {
    throw error instanceof RoostError ? error : fail(error instanceof Error ? error.message : String(error), error);
  } finally {
    socket.destroy();
  }
}
