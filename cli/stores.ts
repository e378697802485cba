import type { Store } from '../cluster/index.js';
import { flockStore } from '../flock/index.js';
import { tbirdStore } from '../tbird/index.js';
import { timelineStore } from '../timeline/index.js';
import { usersStore } from '../users/index.js';

/** The stores that `roost` serves and looks after. */
export const stores: readonly Store[] = [flockStore, tbirdStore, usersStore, timelineStore];
