import type { Figure } from './benchmark.js';
import { spread } from './statistics.js';

// A figure as text, for the screen and the page.

export const shownFigure = ({ value, unit }: Figure): string => `${round(value)} ${unit}`.trim();

/** The range of the middle half of the rounds; empty if the figure was measured once. */
export function shownRange({ samples }: Figure): string {
  if (samples === undefined) return '';
  const { low, high } = spread(samples);
  return `${round(low)} – ${round(high)}`;
}

export function shownTarget({ target }: Figure): string {
  if (target === undefined) return '';
  return 'atLeast' in target ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`;
}

const round = (value: number): string =>
  value >= 1_000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
