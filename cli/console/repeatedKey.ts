const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:]/gu;

/** The first key that stands twice in an object, which is the whole of a text that `JSON.parse` takes: it would keep the last value without a word. */
export function repeatedKey(json: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  let text = '';
  for (const [token] of json.matchAll(tokens)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (token === ':') {
      if (depth !== 1) continue;
      const key = JSON.parse(text) as string;
      if (seen.has(key)) return key;
      seen.add(key);
    } else text = token;
  }
  return undefined;
}
