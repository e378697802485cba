import type { ServerDriver } from './driver.js';
import type { PlaygroundFolder } from './folder.js';
import { ProcessServers } from './processServers.js';
import type { PlaygroundSource } from './state.js';

export const createDriver = (_source: PlaygroundSource, folder: PlaygroundFolder): ServerDriver => new ProcessServers(folder);
