import type { ComponentChildren } from 'preact';

export type Tone = 'good' | 'busy' | 'bad' | 'quiet';
const marks: Readonly<Record<Tone, string>> = { good: '●', busy: '◐', bad: '▲', quiet: '○' };

/** A state as a shape and a word; the color only repeats it. */
export const Mark = ({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) => (
  <span class={`mark ${tone}`}>
    <span aria-hidden="true">{marks[tone]}</span> {children}
  </span>
);

/** A sentence in which commands and names stand between backticks. */
export const Sentence = ({ text }: { readonly text: string }) => (
  <>{text.split('`').map((piece, i) => (i % 2 === 1 ? <code key={i}>{piece}</code> : piece))}</>
);

export interface ColumnHead {
  readonly title: string;
  /** Of numbers: aligned to the right. */
  readonly number?: true;
}

interface SectionProps {
  readonly id: string;
  readonly title: string;
  /** Beside the title, small. */
  readonly note?: string | undefined;
  /** Why it shows what was known before. */
  readonly stale?: string | undefined;
  readonly children: ComponentChildren;
}

export const Section = ({ id, title, note, stale, children }: SectionProps) => (
  <section aria-labelledby={id}>
    <h2 id={id}>
      {title}
      {note !== undefined && note !== '' && <small>{note}</small>}
    </h2>
    {stale !== undefined && (
      <p class="stale">
        <Mark tone="bad">not fresh</Mark> {stale}
      </p>
    )}
    {children}
  </section>
);

interface TableProps {
  /** What the table holds, for those who do not see it. */
  readonly label: string;
  readonly columns: readonly ColumnHead[];
  /** The cells of each row, and a key that stays the same for the same thing. The first cell is the row's head. */
  readonly rows: readonly { readonly key: string; readonly cells: readonly ComponentChildren[] }[];
  readonly empty: string;
}

/** A table that scrolls by itself where the screen is narrow. */
export const Table = ({ label, columns, rows, empty }: TableProps) =>
  rows.length === 0 ? (
    <p class="empty">{empty}</p>
  ) : (
    <div class="scroll" role="region" aria-label={`Table: ${label}`} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map(({ title, number }) => (
              <th key={title} scope="col" class={number === true ? 'number' : undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells }) => (
            <tr key={key}>
              {cells.map((cell, i) => {
                const numeric = columns[i]?.number === true ? 'number' : undefined;
                return i === 0 ? (
                  <th key={i} scope="row" class={numeric}>
                    {cell}
                  </th>
                ) : (
                  <td key={i} class={numeric}>
                    {cell}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );

/** How a figure went over the last minutes. The figure itself stands beside it. */
export const Trend = ({ values }: { readonly values: readonly number[] }) => {
  if (values.length < 2) return <span class="trend" />;
  const [width, height] = [96, 20];
  const most = Math.max(1, ...values);
  const points = values
    .map(
      (value, i) =>
        `${((i / (values.length - 1)) * width).toFixed(1)},${(height - 1 - (value / most) * (height - 2)).toFixed(1)}`,
    )
    .join(' ');
  return (
    <svg class="trend" viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true">
      <polyline points={points} fill="none" stroke="currentColor" stroke-width="1.5" />
    </svg>
  );
};
