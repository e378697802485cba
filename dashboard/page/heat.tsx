import type { HeatView, TableHeat } from '../state.js';
import { countText } from './format.js';
import { Table } from './parts.js';

const [cellWidth, cellHeight] = [12, 8];

/** Where in the hash space of each table the work is, over the last minutes, and the trees and keys with the most of it. */
export const Heat = ({ heat }: { readonly heat: HeatView }) => {
  if (heat.tables.length === 0) return <p class="empty">Nothing was read or written in the last minutes.</p>;
  return (
    <>
      <ul class="heats">
        {heat.tables.map((table) => (
          <li key={table.table}>
            <h3>
              {table.name} ({table.table}) <span class="quiet">{countText(table.perSecond)}/s</span>
            </h3>
            <Grid table={table} rowMs={heat.rowMs} />
          </li>
        ))}
      </ul>
      <div class="beside">
        <Table
          label="The busiest trees"
          empty="No tree was busy in the last seconds."
          columns={[{ title: 'tree' }, { title: 'reads/s', number: true }, { title: 'rows written/s', number: true }]}
          rows={heat.trees.map(({ root, readsPerSecond, writesPerSecond }) => ({
            key: root,
            cells: [root, countText(readsPerSecond), countText(writesPerSecond)],
          }))}
        />
        <Table
          label="The keys that are written most"
          empty="No key was written in the last seconds."
          columns={[{ title: 'key' }, { title: 'table' }, { title: 'rows written/s', number: true }]}
          rows={heat.keys.map(({ table, key, writesPerSecond }) => ({
            key: `${table} ${key}`,
            cells: [key, table, countText(writesPerSecond)],
          }))}
        />
      </div>
    </>
  );
};

/** One square for each part of the hash space and each stretch of time. A larger square is busier. */
const Grid = ({ table: { rows, name }, rowMs }: { readonly table: TableHeat; readonly rowMs: number }) => {
  const parts = rows[0]?.length ?? 0;
  const [width, height] = [parts * cellWidth, rows.length * cellHeight];
  const hottest = hottestOf(rows);
  return (
    <svg
      class="grid"
      role="img"
      viewBox={`0 0 ${width} ${height}`}
      aria-label={`Heat of ${name}: the busiest part of its hash space is at ${hottest} % of it; ${rows.length} rows of ${rowMs / 1_000} s, the newest on top`}
    >
      {rows.map((row, y) =>
        Array.from(row, (digit, x) => {
          const level = Number(digit);
          if (level === 0) return null;
          const [w, h] = [((cellWidth - 1) * (level + 2)) / 11, ((cellHeight - 1) * (level + 2)) / 11];
          return (
            <rect
              key={`${x} ${y}`}
              x={(x * cellWidth + (cellWidth - w) / 2).toFixed(1)}
              y={(y * cellHeight + (cellHeight - h) / 2).toFixed(1)}
              width={w.toFixed(1)}
              height={h.toFixed(1)}
              fill="currentColor"
              fill-opacity={(0.2 + 0.08 * level).toFixed(2)}
            />
          );
        }),
      )}
    </svg>
  );
};

/** Where the busiest part begins, in percent of the hash space. */
function hottestOf(rows: readonly string[]): number {
  const parts = rows[0]?.length ?? 0;
  const sums = Array.from({ length: parts }, (_, x) => rows.reduce((sum, row) => sum + Number(row[x]), 0));
  return Math.round((100 * sums.indexOf(Math.max(...sums))) / Math.max(1, parts));
}
