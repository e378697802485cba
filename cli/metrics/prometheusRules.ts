import type { AlertRule } from '../../cluster/index.js';

/** The alert rules as a Prometheus rule file. JSON strings are valid quoted strings of YAML. */
export const prometheusRules = (rules: readonly AlertRule[]): string =>
  ['groups:', '  - name: roost', '    rules:', ...rules.map(ruleText)].join('\n') + '\n';

const ruleText = ({ name, expr, forSeconds, severity, summary, look, runbook }: AlertRule): string =>
  [
    `      - alert: ${name}`,
    `        expr: ${JSON.stringify(expr)}`,
    `        for: ${forSeconds}s`,
    '        labels:',
    `          severity: ${severity}`,
    '        annotations:',
    `          summary: ${JSON.stringify(summary)}`,
    `          look: ${JSON.stringify(look)}`,
    `          runbook: ${JSON.stringify(`docs/runbooks/${runbook}.md`)}`,
  ].join('\n');
