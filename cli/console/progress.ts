import { SingleBar } from 'cli-progress';
import type { CliIo } from './cliIo.js';
import { formatCount, formatMs } from './output.js';

/** Without a terminal, a line is printed at most this often. */
const lineEveryMs = 5_000;

/**
 * Rows done, rate and time left (if the total is known) on stderr: a bar on a terminal, an occasional plain line
 * elsewhere.
 */
export class Progress {
  readonly #startedMs = performance.now();
  readonly #bar: SingleBar | undefined;
  #done = 0;
  #lastLineMs = performance.now();

  constructor(
    private readonly io: CliIo,
    private readonly what: string,
    private total: number | undefined,
    private readonly quiet: boolean,
  ) {
    if (quiet || !io.stderr.isTTY || io.environment['TERM'] === 'dumb') return;
    this.#bar = new SingleBar({
      stream: io.stderr,
      format:
        total === undefined
          ? `${what} {rows} · {rate}/s`
          : `${what} {bar} {percentage}% · {rows} · {rate}/s · {left} left`,
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      hideCursor: true,
      gracefulExit: false,
    });
    this.#bar.start(total ?? 0, 0, this.#figures());
  }

  advance(rows: number): void {
    this.#done += rows;
    if (this.total !== undefined && this.#done > this.total) this.#bar?.setTotal((this.total = this.#done));
    if (this.#bar !== undefined) return this.#bar.update(this.#done, this.#figures());
    if (this.quiet || performance.now() - this.#lastLineMs < lineEveryMs) return;
    this.#lastLineMs = performance.now();
    const { rows: done, rate, left } = this.#figures();
    const percent =
      this.total === undefined ? '' : `${Math.min(100, Math.floor((this.#done * 100) / Math.max(1, this.total)))}% · `;
    this.io.stderr.write(
      `${this.what}: ${percent}${done} · ${rate}/s${this.total === undefined ? '' : ` · ${left} left`}\n`,
    );
  }

  /** Reports progress by the number of rows left. The total grows if rows were added. */
  left(rows: number): void {
    this.total = Math.max(this.total ?? 0, rows);
    this.#bar?.setTotal(this.total);
    this.advance(this.total - rows - this.#done);
  }

  /** Stops the bar, also after an error, to restore the terminal. */
  stop(): void {
    this.#bar?.stop();
  }

  #figures(): { rows: string; rate: string; left: string } {
    const elapsedMs = performance.now() - this.#startedMs;
    const perMs = this.#done / Math.max(elapsedMs, 1);
    return {
      rows:
        this.total === undefined ? formatCount(this.#done) : `${formatCount(this.#done)} of ${formatCount(this.total)}`,
      rate: formatCount(perMs * 1_000),
      left: perMs === 0 || this.total === undefined ? '?' : formatMs(Math.max(0, this.total - this.#done) / perMs),
    };
  }
}
