import { absent, type Read, type Write } from './history.js';

type Shown = Omit<Read, 'client' | 'register'>;

/**
 * Returns why a read is impossible; undefined if it is possible. The read may show any write that was perhaps
 * accepted, unless a write that it had to see came later. Two writes have an order only if one was answered, or its
 * last moment had passed, before the other started.
 *
 * @param mustSee whether the read has to show this write, or a later one
 */
export function explainRead(
  read: Shown,
  writes: readonly Write[],
  mustSee: (write: Write) => boolean,
): string | undefined {
  const matches = read.matches ?? ((value: string) => value === read.value);
  const maybeUnwritten = matches(absent);
  const shown = writes.filter(({ value }) => matches(value));
  if (!maybeUnwritten && shown.length === 0) return `shows ${read.value}, which nobody wrote`;
  const begun = shown.filter(({ invokedMs }) => invokedMs <= read.answeredMs);
  if (shown.length > 0 && begun.length === 0 && !maybeUnwritten) return `shows ${read.value}, which was written later`;
  const accepted = begun.filter(({ outcome }) => outcome !== 'failed');
  if (!maybeUnwritten && accepted.length === 0) return `shows ${read.value}, which was refused`;
  const seen = writes.filter(mustSee);
  // The latest moment at which the value shown may have been accepted.
  const latestMs = Math.max(-Infinity, ...accepted.map((write) => write.latestMs));
  const newer = seen.find(
    ({ invokedMs, ofWhatIsThere }) => invokedMs > latestMs && !(ofWhatIsThere === true && maybeUnwritten),
  );
  return newer === undefined
    ? undefined
    : `shows ${read.value}, and not ${newer.value}, which was written after it and acknowledged as ${newer.acknowledgment}`;
}

/**
 * The read starts after the write, and the one that brings its value, were answered as materialized, so the read must
 * show the write at once.
 */
export const seenAtOnce =
  (read: { readonly invokedMs: number }) =>
  (write: Write): boolean =>
    (write.of === undefined || seenAtOnce(read)(write.of)) &&
    write.outcome === 'ok' &&
    write.acknowledgment === 'materialized' &&
    write.answeredMs < read.invokedMs &&
    // The edges of a node follow page by page.
    write.ofWhatIsThere !== true;
