import { RoostError } from '../../core/index.js';
import { clockProblem } from '../jobs/clockSkew.js';
import { lostText } from '../jobs/lostText.js';
import { settingProblems } from '../jobs/redisSettings.js';
import type { Check, Finding } from './check.js';

/** Faults of the journal's Redis, of its settings, and of the cluster's clocks. */
export const journalFindings: Check = {
  name: 'the journal',
  quick: true,
  async examine({ jobs, servers, config }) {
    const { maxClockSkewMs } = config.server;
    const ofServers = (await servers.list()).flatMap(({ id, info }): Finding[] => {
      const refused = info['refuses'];
      return typeof refused !== 'string' || refused === ''
        ? []
        : [
            {
              kind: 'refusingServer',
              subject: `server ${id}`,
              message: `server ${id} on ${info['machine'] ?? 'an unknown machine'} accepts no writes: ${refused}`,
            },
          ];
    });
    try {
      const look = await jobs.guard.examine();
      const findings: Finding[] = [];
      const add = (kind: Finding['kind'], subject: string, message: string): void =>
        void findings.push({ kind, subject, message });
      if (look.settings.role === 'replica')
        add(
          'journalSetting',
          'role',
          "the journal's Redis is a replica and takes no writes: `redis.host` and `redis.port` must lead to the primary",
        );
      const lost = lostText(look);
      if (lost !== undefined) add('journalLost', 'journal', lost);
      for (const { setting, message } of settingProblems(
        { ...look.settings, appendFsync: (await jobs.settings()).appendFsync },
        config.journal,
      ))
        add('journalSetting', setting, message);
      const readings = look.databases.flatMap(({ host, clock }) =>
        clock === undefined ? [] : [{ name: host, ...clock }],
      );
      const problem = clockProblem(look.clock, readings, maxClockSkewMs, 'this machine');
      if (problem !== undefined) add('wrongClock', 'redis', problem.text);
      return [...findings, ...ofServers];
    } catch (error) {
      return [
        {
          kind: 'journalLost',
          subject: 'journal',
          message: `the journal cannot be looked at: ${RoostError.from(error).message}`,
        },
        ...ofServers,
      ];
    }
  },
};
