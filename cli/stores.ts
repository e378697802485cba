import type { Store } from '../cluster/index.js';
import { flockStore } from '../flock/index.js';
import { tbirdStore } from '../tbird/index.js';
import { timelineStore } from '../timeline/index.js';
import { usersStore } from '../users/index.js';
import { addFlockCommands } from './flock.js';
import { addTimelineCommands } from './timelines.js';
import { addTweetCommands } from './tweets.js';
import { addUsersCommands } from './users.js';

/** The stores that `roost` serves and looks after. Commands that ask a server stand here in `cli/`, above the client, and are bound to their store by this list. */
export const stores = [
  { ...flockStore, commands: addFlockCommands },
  { ...tbirdStore, commands: addTweetCommands },
  { ...usersStore, commands: addUsersCommands },
  { ...timelineStore, commands: addTimelineCommands },
] as const satisfies readonly Store[];
