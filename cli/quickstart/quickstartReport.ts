import type { ServerReady } from '../serverReady.js';
import type { DegreeComparison } from './compareDegrees.js';
import type { Tour } from './takeTour.js';
import type { TimelineTour } from './tourTimelines.js';

/** The findings and measurements of a quickstart; `--json` prints it. */
export interface QuickstartReport {
  readonly input: {
    readonly file: string | undefined;
    readonly seed: number | undefined;
    readonly edgeCount: number;
    readonly distinctEdgeCount: number;
    readonly userCount: number;
  };
  readonly database: string;
  readonly graph: { readonly name: string; readonly shards: number; readonly replicas: number };
  readonly load: {
    readonly elapsedMs: number;
    readonly edgesPerSecond: number;
    readonly acknowledgmentMs: { readonly p50: number; readonly p99: number };
    /** From the last acknowledgment until the journal was empty. */
    readonly waitMs: number;
    /** Edges in both directions on every replica a second, from the first write to the empty journal. */
    readonly materializedPerSecond: number;
  };
  readonly tour: Tour;
  readonly timelines: TimelineTour;
  readonly comparison: DegreeComparison;
  readonly stepMs: Readonly<Record<string, number>>;
  /** The location of the cluster that `keep` left running. */
  readonly kept: { readonly dir: string; readonly configPath: string; readonly server: ServerReady } | undefined;
}
