import { InvalidArgumentError } from 'commander';

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration such as 90s, 15m, 6h or 365d, in milliseconds, for commander. */
export function durationArgument(text: string): number {
  const [, digits, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (digits === undefined) throw new InvalidArgumentError('It must be a duration such as 90s, 15m, 6h or 365d.');
  return Number(digits) * units[unit as keyof typeof units];
}
