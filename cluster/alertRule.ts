/** A condition that an operator must act on. */
export interface AlertRule {
  readonly name: string;
  /** PromQL. True for a series wherever it has a value. */
  readonly expr: string;
  /** The condition holds this long before the alert fires. */
  readonly forSeconds: number;
  /** `page`: clients fail, or data is at risk. `ticket`: an operator acts within the day. */
  readonly severity: 'page' | 'ticket';
  /** One sentence, with the series' labels as Prometheus template variables. */
  readonly summary: string;
  /** The first command to run. */
  readonly look: string;
  /** The page of docs/runbooks/ that says what to do, without its ending. */
  readonly runbook: string;
}
