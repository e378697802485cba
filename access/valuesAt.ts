/**
 * The values at a place in a call's arguments, such as `0.*.term.graph_id`. Absent values are left out: decoding the
 * call reports them.
 */
export function valuesAt(place: string, args: readonly unknown[]): unknown[] {
  return place.split('.').reduce<unknown[]>(
    (values, step) =>
      values.flatMap((value) => {
        if (typeof value !== 'object' || value === null) return [];
        if (step === '*') return Array.isArray(value) ? (value as unknown[]) : [];
        const found = (value as Readonly<Record<string, unknown>>)[step];
        return found === undefined || found === null ? [] : [found];
      }),
    [args],
  );
}
