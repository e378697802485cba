/** `Map.groupBy`, which Node 20 lacks: groups in the order of their first items, items in their own order. */
export function groupBy<Item, Group>(items: Iterable<Item>, groupOf: (item: Item) => Group): Map<Group, Item[]> {
  const groups = new Map<Group, Item[]>();
  for (const item of items) appendTo(groups, groupOf(item), item);
  return groups;
}

/** Adds an item to the end of its group, and makes the group if there is none. */
export function appendTo<Group, Item>(groups: Map<Group, Item[]>, key: Group, item: Item): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [item]);
  else group.push(item);
}

/** Splits a list into parts of `size` items, in order; the last part may be shorter. */
export function* chunks<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < list.length; start += size) yield list.slice(start, start + size);
}
