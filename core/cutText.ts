/**
 * The text if its UTF-8 fits into `maxBytes`; else its beginning, with a note of how much was cut. Characters stay
 * whole. The work is bounded by `maxBytes`, however long the text is.
 */
export function cutText(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  if (text.length <= maxBytes && Buffer.byteLength(text) <= maxBytes) return text;
  const remark = `… (cut off, ${text.length} characters)`;
  const room = maxBytes - Buffer.byteLength(remark);
  // A copy through bytes does not keep the whole text in memory.
  const bytes = Buffer.from(text.slice(0, room));
  let end = Math.min(bytes.length, room);
  while (end > 0 && end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end--;
  return `${bytes.toString('utf8', 0, end)}${remark}`;
}
