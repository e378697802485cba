/**
 * Waits for questions that never fail until `enough` accepts the answers so far, or all have come. Returns the
 * answers in order.
 */
export function settled<T>(
  questions: readonly Promise<T>[],
  enough: (answers: readonly T[]) => boolean,
): Promise<readonly T[]> {
  return new Promise((resolve) => {
    const answers: (T | undefined)[] = questions.map(() => undefined);
    let left = questions.length;
    for (const [i, question] of questions.entries()) {
      void question.then((answer) => {
        answers[i] = answer;
        left--;
        const given = answers.filter((one) => one !== undefined);
        if (left === 0 || enough(given)) resolve(given);
      });
    }
  });
}
