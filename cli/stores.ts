import type { Store } from '../cluster/index.js';
import { flockStore } from '../flock/index.js';
import { tbirdStore } from '../tbird/index.js';
import { timelineStore } from '../timeline/index.js';
import { usersStore } from '../users/index.js';
import { addFlockCommands } from './flock.js';
import { addTimelineCommands } from './timelines.js';
import { addTweetCommands } from './tweets.js';
import { addUsersCommands } from './users.js';

/**
 * The stores that `roost` serves and manages. Commands that ask a server are in `cli/`, above the client; this list
 * binds them to their store.
 */
export const stores = [
  { ...flockStore, commands: addFlockCommands },
  { ...tbirdStore, commands: addTweetCommands },
  { ...usersStore, commands: addUsersCommands },
  { ...timelineStore, commands: addTimelineCommands },
] as const satisfies readonly Store[];
