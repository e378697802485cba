import type { RolesOf } from '../access/index.js';
import type { TBirdModule } from '../wire/index.js';

/** Roles that the methods of the service need. */
export const tbirdRoles: RolesOf<TBirdModule.Client> = {
  server_info: 'any',
  list_windows: 'read',
  list_dropped_windows: 'read',
  get_tweets: 'read',
  get_fragments: 'read',
  timeline_ids: 'read',
  timeline: 'read',
  timeline_fragments: 'read',
  scan_timeline: 'read',
  reply_ids: 'read',
  retweet_ids: 'read',
  tweet_counts: 'read',
  reserve_ids: 'write',
  create_tweets: 'write',
  delete_tweets: 'write',
  undelete_tweets: 'write',
};
