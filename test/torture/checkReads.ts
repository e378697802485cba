import { explainRead, seenAtOnce } from './checkRegister.js';
import type { History, SetRead } from './history.js';
import { edgeRegister, isNormal } from './operations/edges.js';
import { type IdSet, mayBeIn, setText } from './sets.js';

/** Returns why reads that were answered during writes are impossible. */
export function checkReads(history: History, at: (ms: number) => string): string[] {
  const single = history.reads.flatMap((read) => {
    const reason = explainRead(read, history.of(read.register), seenAtOnce(read));
    return reason === undefined ? [] : [`at ${at(read.invokedMs)}, ${read.client}: ${read.register} ${reason}`];
  });
  const ofSets = history.setReads.flatMap((read) =>
    wrongIds(history, read).map(
      ({ id, there }) =>
        `at ${at(read.invokedMs)} to ${at(read.answeredMs)}, ${read.client}: ${setText(read.set)} ${there ? 'has' : 'lacks'} ${id}, which its edges do not allow: ${registers(read.set, id).join(', ')}`,
    ),
  );
  return [...single, ...ofSets];
}

/** Returns the registers that say whether an id is in the set. */
function registers(set: IdSet, id: bigint): string[] {
  if ('node' in set) return [set.kind === 'from' ? edgeRegister(set.node, id) : edgeRegister(id, set.node)];
  return [...registers(set.left, id), ...registers(set.right, id)];
}

function wrongIds(history: History, read: SetRead): { readonly id: bigint; readonly there: boolean }[] {
  const { invokedMs, answeredMs } = read;
  const edgeMayBe = (source: bigint, destination: bigint, normal: boolean): boolean => {
    const matches = (value: string): boolean => isNormal(value) === normal;
    const writes = history.of(edgeRegister(source, destination));
    return explainRead({ value: '', matches, invokedMs, answeredMs }, writes, seenAtOnce(read)) === undefined;
  };
  return read.among
    .map((id) => ({ id, there: read.ids.includes(id) }))
    .filter(({ id, there }) => !mayBeIn(read.set, id, there, edgeMayBe));
}
