import type { CellForm, PageTable } from '../../cluster/index.js';
import { bytesText, clockText, countText, durationText, percentText } from './format.js';
import { Section, Sentence, Table } from './parts.js';

/** The tables of a page that a store brings. */
export const StoreTables = ({ tables }: { readonly tables: readonly PageTable[] }) => (
  <>
    {tables.map(({ title, note, columns, rows, empty }, i) => (
      <Section key={title} id={`table-${i}`} title={title} note={note}>
        {rows.length === 0 ? (
          <p class="empty">
            <Sentence text={empty} />
          </p>
        ) : (
          <Table
            label={title}
            empty=""
            columns={columns.map(({ title: head, form }) => ({
              title: head,
              ...(form === undefined || form === 'moment' ? {} : { number: true as const }),
            }))}
            rows={rows.map((cells, place) => ({
              key: String(place),
              cells: cells.map((cell, column) => <Sentence text={cellText(cell, columns[column]?.form)} />),
            }))}
          />
        )}
      </Section>
    ))}
  </>
);

const formats: Readonly<Record<CellForm, (value: number) => string>> = {
  count: countText,
  rate: (value) => value.toFixed(value < 10 ? 1 : 0),
  bytes: bytesText,
  seconds: (value) => (Number.isFinite(value) ? durationText(value * 1_000) : 'longer'),
  percent: percentText,
  moment: (value) => `${new Date(value).toISOString().slice(0, 10)} ${clockText(value)}`,
};

function cellText(cell: string | number | null | undefined, form: CellForm | undefined): string {
  if (cell === null || cell === undefined) return '–';
  return typeof cell === 'string' || form === undefined ? String(cell) : formats[form](cell);
}
