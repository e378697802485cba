import type { Load, LoadClient } from '../load.js';

/** A kind of calls. */
export interface Operation {
  /** How often it is drawn, beside the others. */
  readonly weight: number;
  /** Makes a call or two, whose outcomes the load records. */
  readonly step: (load: Load, client: LoadClient) => Promise<void>;
}
