import { columnTypes, type ColumnType } from '../../mysql/index.js';

const { uint8 } = columnTypes;

/** The rank of a state, of which two bits count: a flip of another bit of the byte changes nothing. */
export const rankColumn: ColumnType<number> = { ...uint8, read: (cell) => uint8.read(cell) & 3 };
