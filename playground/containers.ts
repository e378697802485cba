/** Whether a container engine answers. */
export const engineAnswers = (): Promise<boolean> => Promise.resolve(false);
