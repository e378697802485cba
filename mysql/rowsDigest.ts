/**
 * The number of rows in a range, and a digest: equal for equal rows on MySQL and MariaDB. Different rows collide with
 * a chance of 2^-64.
 */
export interface TableDigest {
  readonly rows: number;
  readonly hash: string;
}

/**
 * The select list of a digest over all rows that a statement finds.
 *
 * @param columns every column that counts, separated by `, `
 */
export const digestColumns = (columns: string): string =>
  // QUOTE distinguishes NULL from text, and marks the end of each column. A checksum such as CRC32 would not do: it
  // is linear, so that equal changes of two rows would cancel out.
  `COUNT(*) AS n, BIT_XOR(CAST(CONV(LEFT(SHA2(CONCAT(${columns.replaceAll(/\w+/g, 'QUOTE($&)')}), 256), 16), 16, 10) AS UNSIGNED)) AS h`;

/** The digest in a row of those columns. */
export const digestOf = (row: readonly unknown[] | undefined): TableDigest => ({
  rows: Number(row?.[0]),
  hash: String(row?.[1]),
});
