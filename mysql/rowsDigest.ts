/** How many rows a range has, and what they come to: the same for the same rows on MySQL and on MariaDB. Other rows come to the same by a chance of 2^-64. */
export interface TableDigest {
  readonly rows: number;
  readonly hash: string;
}

/**
 * The select list of a digest of all rows that a statement finds: their number, and what their hashes come to.
 *
 * @param columns every column whose value counts, separated by `, `
 */
export const digestColumns = (columns: string): string =>
  // QUOTE tells NULL from a text, and one column's end from the next one's beginning. A checksum such as CRC32 would not do: it is linear, so that
  // the same change of two rows would cancel out.
  `COUNT(*) AS n, BIT_XOR(CAST(CONV(LEFT(SHA2(CONCAT(${columns.replaceAll(/\w+/g, 'QUOTE($&)')}), 256), 16), 16, 10) AS UNSIGNED)) AS h`;

/** The digest in a row of those columns. */
export const digestOf = (row: readonly unknown[] | undefined): TableDigest => ({
  rows: Number(row?.[0]),
  hash: String(row?.[1]),
});
