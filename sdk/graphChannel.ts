import type { RoostFlockModule } from '../wire/index.js';
import type { Channel } from './channel.js';

/** The channel of graphs, which also tells the journal's time. */
export type GraphChannel = Channel<RoostFlockModule.Client>;
