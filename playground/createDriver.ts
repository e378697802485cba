import { ContainerServers } from './containerServers.js';
import type { ServerDriver } from './driver.js';
import type { PlaygroundFolder } from './folder.js';
import { ProcessServers } from './processServers.js';
import type { PlaygroundSource } from './state.js';

export const createDriver = (source: PlaygroundSource, folder: PlaygroundFolder): ServerDriver =>
  source === 'containers' ? new ContainerServers(folder) : new ProcessServers(folder);
