import { InvalidArgumentError } from 'commander';

/** A moment as `2026-11-29T02:00:00Z`, with or without fractions of a second, in microseconds since 1970; for commander. */
export function momentArgument(text: string): bigint {
  const [, seconds, fraction = '', zone] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const ms = seconds === undefined ? NaN : Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(ms)) throw new InvalidArgumentError('It must be a moment such as 2026-11-29T02:00:00Z.');
  return BigInt(ms) * 1_000n + BigInt(fraction.padEnd(6, '0'));
}
