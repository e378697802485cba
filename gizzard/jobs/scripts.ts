import { LuaScript } from '../../redis/index.js';

type Field = string | number | Buffer;

const script = <Keys extends object, Args extends object, Answer>(name: string): LuaScript<Keys, Args, Answer> =>
  new LuaScript(new URL(`lua/${name}.lua`, import.meta.url));

/**
 * The atomic steps of the journal in Redis. Each script in `lua/` says at its head what it does, takes and answers.
 */
export const scripts = {
  append: script<
    {
      readonly queue: string;
      readonly failing: string;
      readonly clock: string;
      readonly remotesFence: string;
      readonly state: string;
      readonly archive: string;
      readonly remembered: string | undefined;
      readonly backlogs: readonly string[];
      readonly fanouts: readonly string[];
    },
    {
      readonly maxQueued: number;
      readonly maxFailing: number;
      readonly maxReplicating: number;
      readonly maxBytes: number;
      readonly notAfter: number;
      readonly copiesVersion: number;
      readonly identityNotAfter: number;
      readonly maxAhead: number;
      readonly rememberedAfterMs: number;
      readonly epoch: string;
      readonly known: number;
      readonly jobs: readonly Field[];
    },
    [nowMicros: string, accepted: number, before?: string]
  >('append'),
  beginArchive: script<
    {
      readonly state: string;
      readonly archive: string;
      readonly clock: string;
      readonly queues: readonly string[];
    },
    {
      readonly epoch: string;
      readonly to: string;
      readonly purpose: string;
      readonly copies: string;
      readonly maxBytes: number;
      readonly keepMs: number;
    },
    [accepted: string, micros: string, purpose: string, ...copies: string[]]
  >('beginArchive'),
  holdWork: script<{ readonly place: string }, { readonly holder: string; readonly forMs: number }, string>('holdWork'),
  leaveWork: script<{ readonly place: string }, { readonly holder: string }, number>('leaveWork'),
  lookAtArchive: script<
    { readonly state: string; readonly archive: string; readonly clock: string },
    Record<string, never>,
    [
      accepted: string,
      micros: string,
      to: string,
      purpose: string,
      since: string,
      gap: string,
      entries: number,
      first: string,
      bytes: number,
    ]
  >('lookAtArchive'),
  endArchive: script<{ readonly state: string; readonly archive: string }, { readonly purpose: string }, 0 | 1>(
    'endArchive',
  ),
  raiseClock: script<{ readonly clock: string }, { readonly micros: string }, null>('raiseClock'),
  lookAtEpoch: script<
    { readonly state: string },
    { readonly epoch: string; readonly accepted: number; readonly fresh: string },
    [epoch: string, number: string, accepted: string, lost: string]
  >('lookAtEpoch'),
  adoptEpoch: script<
    { readonly state: string },
    { readonly from: string; readonly to: string; readonly number: number },
    string
  >('adoptEpoch'),
  settle: script<
    { readonly queue: string; readonly fence: string },
    {
      readonly group: string;
      readonly topologyVersion: number;
      readonly movedMark: string;
      readonly ids: readonly string[];
    },
    0 | 1
  >('settle'),
  raiseFence: script<{ readonly fence: string }, { readonly version: number; readonly seconds: number }, null>(
    'raiseFence',
  ),
  forgetSilent: script<{ readonly queue: string }, { readonly group: string; readonly silentMs: number }, null>(
    'forgetSilent',
  ),
  refile: script<
    {
      readonly source: string;
      readonly counts: string;
      readonly marks: string;
      readonly changes: string;
      readonly hosts: string;
      readonly fence: string | undefined;
      readonly write: string | undefined;
      readonly streams: readonly string[];
    },
    {
      readonly group: string;
      readonly id: string;
      readonly host: string;
      readonly maxBad: number;
      readonly movedMark: string;
      readonly topologyVersion: number | undefined;
      readonly entries: readonly Field[];
    },
    string
  >('refile'),
  waiting: script<
    {
      readonly counts: string;
      readonly changes: string;
      readonly state: string;
      readonly streams: readonly string[];
    },
    { readonly known: string },
    [changes: string, queues: (string | number)[][], leaves: string[]]
  >('waiting'),
  pass: script<{ readonly pass: string }, { readonly from: string; readonly to: string }, string>('pass'),
};
