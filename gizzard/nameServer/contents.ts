/** A replica's content: the rows of each table, as text. */
export type Contents = ReadonlyMap<string, ReadonlySet<string>>;

export interface ComparedContents {
  /**
   * The replica that the others are compared with: one of the largest group of equals; among groups of equal size,
   * the one named first.
   */
  readonly reference: string;
  /** Whether the reference's group is larger than any other. */
  readonly agreed: boolean;
  /** The differences of the others, by host: `links: 3 missing`. Equal ones are absent. */
  readonly differences: ReadonlyMap<string, readonly string[]>;
}

/** Compares the content of replicas with one head, by host; there must be at least one. */
export function compareContents(contents: ReadonlyMap<string, Contents>): ComparedContents {
  const hosts = [...contents.keys()];
  const equal = hosts.map((host) =>
    hosts.filter((other) => differences(contents.get(host)!, contents.get(other)!).length === 0),
  );
  const most = Math.max(...equal.map((group) => group.length));
  const largest = equal.filter((group) => group.length === most);
  const reference = largest[0]![0]!;
  const found = hosts.map((host) => [host, differences(contents.get(reference)!, contents.get(host)!)] as const);
  return {
    reference,
    agreed: largest.every((group) => group[0] === reference),
    differences: new Map(found.filter(([, differ]) => differ.length > 0)),
  };
}

function differences(wanted: Contents, own: Contents): string[] {
  return [...wanted].flatMap(([table, rows]) => {
    const there = own.get(table) ?? new Set();
    const missing = [...rows].filter((row) => !there.has(row)).length;
    const added = [...there].filter((row) => !rows.has(row)).length;
    const parts = [missing > 0 ? `${missing} missing` : '', added > 0 ? `${added} that others lack` : ''].filter(
      (part) => part !== '',
    );
    return parts.length === 0 ? [] : [`${table}: ${parts.join(', ')}`];
  });
}
