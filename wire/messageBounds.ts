import { limits } from '../core/index.js';

/** What one message may hold, checked as it is read: before anything is allocated for it. */
export interface MessageBounds {
  /** Fields and entries of lists and maps, all together, those that are skipped included. */
  readonly values: number;
  /** Entries of one list or map. */
  readonly entries: number;
  /** UTF-8 of one string. */
  readonly stringBytes: number;
}

/** For calls, which anybody may send. */
export const callBounds: MessageBounds = {
  values: limits.callValues,
  entries: limits.callEntries,
  stringBytes: limits.stringBytes,
};

/** For answers of servers that a client has chosen: bounded by the message alone. */
export const answerBounds: MessageBounds = { values: Infinity, entries: Infinity, stringBytes: limits.messageBytes };
