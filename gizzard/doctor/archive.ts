import { unarchivedMs } from '../jobs/journalArchive.js';
import type { Check, Finding } from './check.js';

/** A destination that keeps up has each job within seconds. */
const behindMs = 60_000;

/** Whether the journal's jobs reach the backups. */
export const archive: Check = {
  name: 'the archive of the journal',
  quick: true,
  async examine({ jobs }): Promise<Finding[]> {
    // The reason why it cannot be examined is another finding.
    const look = await jobs.archive.look().catch(() => undefined);
    if (look === undefined) return [];
    const subject = 'archive';
    if (look.gapMicros !== undefined)
      return [
        {
          kind: 'backupGap',
          subject,
          message: `jobs accepted since ${new Date(Number(look.gapMicros / 1_000n)).toISOString()} are in no backup: the archive of the journal ended, as nobody took its jobs or the journal lost some. \`roost backup run\` begins it again with a new dump; \`roost backup stop\` does without`,
        },
      ];
    const ms = unarchivedMs(look);
    return ms < behindMs
      ? []
      : [
          {
            kind: 'backupBehind',
            subject,
            message: `the jobs of the last ${Math.round(ms / 1_000)} s, ${look.jobs}, are in no backup yet: is \`roost backup run --follow ${look.to}\` running?`,
          },
        ];
  },
};
