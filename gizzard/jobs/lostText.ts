import type { JournalLook } from './journalGuard.js';
import type { SilentWriter } from './writerTable.js';

const until = 'Every write is refused until `roost journal adopt`';

/** Why what Redis holds is not the journal that the name server knows, or not all of it; undefined where it is. */
export function lostText({ known, held, silent }: Pick<JournalLook, 'known' | 'held' | 'silent'>): string | undefined {
  if (held === undefined) {
    if (known === undefined) return undefined;
    const { accepted, waiting } = known;
    return `the journal's Redis is empty: it does not know of epoch ${known.epoch}, which has accepted ${accepted} jobs. It has lost its data, or it is another Redis. About ${waiting} accepted jobs waited in it when that was last written down. ${until}`;
  }
  if (known !== undefined && held.epoch !== known.epoch) {
    const what =
      held.number > known.number
        ? `is newer than ${known.epoch} of the name server: an adoption was not finished`
        : `is not ${known.epoch} of the name server: it is another Redis, or an older copy`;
    return `the epoch ${held.epoch} of the journal's Redis ${what}. ${until}`;
  }
  const accepted = Math.max(held.lost ?? 0, known?.accepted ?? 0);
  if (held.accepted >= accepted) return silentText(silent);
  return `the journal's Redis has lost at least ${accepted - held.accepted} accepted jobs: epoch ${held.epoch} had accepted ${accepted}, and Redis knows of ${held.accepted}. An older copy of it has taken over, or it lost the end of its file. ${until}`;
}

function silentText(silent: readonly SilentWriter[]): string | undefined {
  if (silent.length === 0) return undefined;
  const newest = new Date(Math.max(...silent.map(({ heardAtMs }) => heardAtMs))).toISOString();
  const who = silent.length === 1 ? 'a server' : `${silent.length} servers`;
  return `the journal's Redis was started anew, and may have lost accepted jobs of its last seconds: ${who} wrote to it until ${newest} and died, or hangs, without saying how many jobs were accepted. ${until} (with \`appendfsync always\` nothing would be lost)`;
}
