// What the code generated from wire/idl asks of Thrift's own library, as an ES module without imports, so that any bundler can take it: docs/decisions/0060-generated-code-without-a-library.md.
// The names and the numbers are Thrift's.

export const Type = {
  STOP: 0,
  VOID: 1,
  BOOL: 2,
  BYTE: 3,
  I08: 3,
  DOUBLE: 4,
  I16: 6,
  I32: 8,
  I64: 10,
  STRING: 11,
  UTF7: 11,
  STRUCT: 12,
  MAP: 13,
  SET: 14,
  LIST: 15,
  UUID: 16,
};

export const MessageType = { CALL: 1, REPLY: 2, EXCEPTION: 3, ONEWAY: 4 };

export const TApplicationExceptionType = {
  UNKNOWN: 0,
  UNKNOWN_METHOD: 1,
  INVALID_MESSAGE_TYPE: 2,
  WRONG_METHOD_NAME: 3,
  BAD_SEQUENCE_ID: 4,
  MISSING_RESULT: 5,
  INTERNAL_ERROR: 6,
  PROTOCOL_ERROR: 7,
  INVALID_TRANSFORM: 8,
  INVALID_PROTOCOL: 9,
  UNSUPPORTED_CLIENT_TYPE: 10,
};

export const TProtocolExceptionType = {
  UNKNOWN: 0,
  INVALID_DATA: 1,
  NEGATIVE_SIZE: 2,
  SIZE_LIMIT: 3,
  BAD_VERSION: 4,
  NOT_IMPLEMENTED: 5,
  DEPTH_LIMIT: 6,
};

/** The base of the exceptions that an IDL declares. Generated constructors pass their fields, which are no message. */
export class TException extends Error {
  constructor(message) {
    super(typeof message === 'string' ? message : undefined);
    this.name = this.constructor.name;
  }
}

export class TProtocolException extends Error {
  constructor(type, message) {
    super(message);
    this.name = 'TProtocolException';
    this.type = type;
  }
}

/** What a peer answers to a call that none of its methods could take. */
export class TApplicationException extends Error {
  constructor(type = TApplicationExceptionType.UNKNOWN, message = undefined) {
    super(message);
    this.name = 'TApplicationException';
    this.type = type;
  }

  read(input) {
    input.readStructBegin();
    for (;;) {
      const { ftype, fid } = input.readFieldBegin();
      if (ftype === Type.STOP) break;
      if (fid === 1 && ftype === Type.STRING) this.message = input.readString();
      else if (fid === 2 && ftype === Type.I32) this.type = input.readI32();
      else input.skip(ftype);
      input.readFieldEnd();
    }
    input.readStructEnd();
  }

  write(output) {
    output.writeStructBegin('TApplicationException');
    if (this.message) {
      output.writeFieldBegin('message', Type.STRING, 1);
      output.writeString(this.message);
      output.writeFieldEnd();
    }
    output.writeFieldBegin('type', Type.I32, 2);
    output.writeI32(this.type);
    output.writeFieldEnd();
    output.writeFieldStop();
    output.writeStructEnd();
  }
}

export const objectLength = (object) => Object.keys(object).length;

/** How to copy one element: `null` as it is, a struct by its constructor, a collection by these same functions with the types that follow. */
const copier = ([type, ...below]) => {
  if (type === null) return (value) => value;
  if (type === copyList || type === copyMap) return (value) => type(value, below);
  return (value) => new type(value);
};

export function copyList(list, types) {
  return list ? Array.from(list, copier(types)) : list;
}

export function copyMap(map, types) {
  if (!map) return map;
  const copy = copier(types);
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, copy(value)]));
}
