import { jsonText } from '../../core/index.js';
import Table from 'cli-table3';
import type { CliIo } from './cliIo.js';
import { forTerminal, style, visible, visibleJson } from './visible.js';

/** 64-bit ids do not fit a JSON number, so that a bigint becomes a decimal string. */
export const toJson = (value: unknown, indent?: number): string =>
  visibleJson(
    // Undefined if the value is undefined.
    jsonText(value, indent) ?? 'null',
  );

/** A command's output on stdout: one JSON object with `--json`, lines for people otherwise. */
export class Output {
  constructor(
    private readonly io: CliIo,
    private readonly json: boolean,
  ) {}

  /**
   * `nextSteps` are commands that make sense now; with `--json` they are a field of the value, which must be an
   * object then.
   */
  result(value: unknown, text: () => string, nextSteps?: readonly string[]): void {
    if (this.json) {
      this.io.stdout.write(
        `${toJson(nextSteps === undefined ? value : { ...(value as object), next_steps: nextSteps })}\n`,
      );
      return;
    }
    const next =
      nextSteps === undefined || nextSteps.length === 0 ? '' : `\n${this.dim(`next: ${nextSteps.join('; ')}`)}`;
    this.io.stdout.write(forTerminal(`${text()}${next}\n`));
  }

  /** Prints a line about progress; silent with `--json`. */
  note(text: string): void {
    if (!this.json) this.io.stdout.write(forTerminal(`${text}\n`));
  }

  get quiet(): boolean {
    return this.json;
  }

  readonly bold = (text: string): string => this.#style('bold', text);
  readonly dim = (text: string): string => this.#style('dim', text);
  readonly red = (text: string): string => this.#style('red', text);
  readonly green = (text: string): string => this.#style('green', text);

  /** Columns without borders. Numbers align right. */
  table(head: readonly string[], rows: readonly (readonly (string | number | bigint)[])[]): string {
    const table = new Table({
      head: head.map(this.dim),
      colAligns: head.map((_, column) => (rows.every((row) => typeof row[column] !== 'string') ? 'right' : 'left')),
      chars: noLines,
      style: { 'padding-left': 0, 'padding-right': 2, head: [], border: [], compact: true },
    });
    table.push(...rows.map((row) => row.map((cell) => (typeof cell === 'string' ? visible(cell) : formatCount(cell)))));
    return table
      .toString()
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n');
  }

  #style(format: 'bold' | 'dim' | 'green' | 'red', text: string): string {
    return style(format, text, this.io.stdout);
  }
}

const noLines = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid', 'middle']
    .flatMap((name) => [
      name,
      `${name}-mid`,
      `${name}-left`,
      `${name}-right`,
      `left-${name}`,
      `right-${name}`,
      `mid-${name}`,
    ])
    .map((name) => [name, '']),
);

const counts = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
/** 355074 is 355,074. */
export const formatCount = (count: number | bigint): string => counts.format(count);

/** A size for people: 512 B, 16.0 KiB, 3.2 GiB. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const exponent = Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1_024 ** exponent).toFixed(1)} ${['', 'KiB', 'MiB', 'GiB', 'TiB'][exponent]}`;
}

/** A time for people: 0.42 ms, 850 ms, 12.3 s, 4 min 5 s, 3 h 20 min, 365 d. */
export function formatMs(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1_000) return `${ms.toFixed(0)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  const [minutes, hours, days] = [60_000, 3_600_000, 86_400_000].map((unit) => Math.floor(ms / unit)) as [
    number,
    number,
    number,
  ];
  if (hours < 2) return `${minutes} min ${Math.round((ms % 60_000) / 1_000)} s`;
  if (days < 2) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}
