import type { RolesOf } from '../access/index.js';
import type { RoostTimelinesModule } from '../wire/index.js';

/** Roles that the methods need. */
export const timelineRoles: RolesOf<RoostTimelinesModule.Client> = {
  server_info: 'any',
  home_timeline: 'read',
  user_timeline: 'read',
  mentions_timeline: 'read',
  activity_timeline: 'read',
  timeline_reads: 'read',
  filter: 'read',
  filter2: 'read',
  get: 'read',
  get_multi: 'read',
  get_range: 'read',
  get_range_multi: 'read',
  append: 'write',
  remove: 'write',
  store: 'write',
  merge: 'write',
  unmerge: 'write',
  merge_indirect: 'write',
  unmerge_indirect: 'write',
  delete_timeline: 'write',
};
