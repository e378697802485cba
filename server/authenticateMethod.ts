/** The method by which a connection shows a token. Every port has it beside those of its service: wire/idl/access.thrift. */
export const authenticateMethod = 'authenticate';
