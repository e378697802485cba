const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:]/gu;

/**
 * The first key that occurs twice in an object. The text must be that object, in a form that `JSON.parse` accepts:
 * `JSON.parse` silently keeps the last value.
 */
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
