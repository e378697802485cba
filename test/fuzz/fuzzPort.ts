import { RawClient, type RawAnswer } from '../inMemory/rawClient.js';
import type { FrameFuzzer, FuzzedFrame } from './frameFuzzer.js';

const lanes = 4;
const framesPerBatch = 32;
/** An answer that takes longer counts as none. */
const answerMs = 60_000;

export interface FuzzFigures {
  /** Frames that were answered, or for which the connection was closed. */
  readonly frames: number;
  readonly replies: number;
  /** The number of Thrift's own exceptions, for unknown methods and for arguments that could not be read. */
  readonly exceptions: number;
  readonly closed: number;
}

/**
 * Sends so many frames to a port over several connections, and waits for the outcome of each. Throws if a frame has
 * no outcome.
 */
export async function fuzzPort(port: number, fuzzer: FrameFuzzer, frames: number): Promise<FuzzFigures> {
  const figures = { frames: 0, replies: 0, exceptions: 0, closed: 0 };
  let seqid = 0;
  const lane = async (): Promise<void> => {
    let client: RawClient | undefined;
    try {
      while (figures.frames < frames) {
        client ??= await RawClient.connect(port);
        const batch = Array.from({ length: framesPerBatch }, () => fuzzer.next(++seqid));
        client.send(Buffer.concat(batch.map(({ bytes }) => bytes)));
        const unanswered = new Map(batch.map((frame) => [frame.seqid, frame]));
        while (unanswered.size > 0) {
          const answer = await within(client, unanswered);
          figures.frames++;
          if (answer === undefined) {
            figures.closed++;
            client = undefined;
            break;
          }
          // The bits of the sequence number may have flipped.
          if (!unanswered.delete(answer.seqid)) unanswered.delete([...unanswered.keys()][0]!);
          if (answer.type === 2) figures.replies++;
          else figures.exceptions++;
        }
      }
    } finally {
      await client?.close();
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return figures;
}

async function within(client: RawClient, unanswered: ReadonlyMap<number, FuzzedFrame>): Promise<RawAnswer | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const [frame] = unanswered.values();
      reject(new Error(`no answer to a call of ${frame!.method}: ${frame!.bytes.toString('hex').slice(0, 2_000)}`));
    }, answerMs);
  });
  try {
    return await Promise.race([client.answer(), late]);
  } finally {
    clearTimeout(timer);
  }
}
