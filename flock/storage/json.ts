/** A JSON array of rows. Integers are written as they are: JSON numbers have any number of digits, and both servers read them exactly. */
export const jsonRows = <T>(items: readonly T[], row: (item: T) => string): string =>
  `[${items.map((item) => `[${row(item)}]`).join()}]`;
