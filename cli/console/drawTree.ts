export interface DrawnTree {
  readonly label: string;
  readonly children: readonly DrawnTree[];
}

/** A tree as lines, the root first. */
export function drawTree({ label, children }: DrawnTree): string[] {
  return [
    label,
    ...children.flatMap((child, i) => {
      const last = i === children.length - 1;
      return drawTree(child).map((line, j) => `${j === 0 ? (last ? '└─ ' : '├─ ') : last ? '   ' : '│  '}${line}`);
    }),
  ];
}
