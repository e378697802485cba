/** The binary protocol's numbers for types. */
export const thriftType = {
  stop: 0,
  bool: 2,
  byte: 3,
  double: 4,
  i16: 6,
  i32: 8,
  i64: 10,
  string: 11,
  struct: 12,
  map: 13,
  set: 14,
  list: 15,
  uuid: 16,
} as const;

/** The size of types with fixed-size values; undefined for others. */
export const fixedBytes: readonly (number | undefined)[] = Object.assign(new Array<number | undefined>(17), {
  [thriftType.bool]: 1,
  [thriftType.byte]: 1,
  [thriftType.double]: 8,
  [thriftType.i16]: 2,
  [thriftType.i32]: 4,
  [thriftType.i64]: 8,
  [thriftType.uuid]: 16,
});

/** The first half of a strict message's first word; its last byte is the message type. */
export const versionMask = 0xffff0000 | 0;
export const version1 = 0x80010000 | 0;

/** The longest method name accepted. */
export const maxMethodNameBytes = 256;
