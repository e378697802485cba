const counts = new Intl.NumberFormat('en-US');

export const countText = (count: number | null): string => (count === null ? '–' : counts.format(Math.round(count)));

/** 512 B, 16.0 KiB, 3.2 GiB. */
export function bytesText(bytes: number | null): string {
  if (bytes === null) return '–';
  if (bytes < 1_024) return `${Math.max(0, bytes)} B`;
  const exponent = Math.min(5, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1_024 ** exponent).toFixed(1)} ${['', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'][exponent]}`;
}

/** 0.4 ms, 850 ms, 12 s, 4 min, 3 h 20 min, 5 d. */
export function durationText(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

export const percentText = (percent: number | null): string => (percent === null ? '–' : `${percent.toFixed(1)} %`);

/** The time of day, in UTC: the server's and the browser's texts are then the same. */
export const clockText = (ms: number): string => `${new Date(ms).toISOString().slice(11, 19)} UTC`;
