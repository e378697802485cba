/** The method that presents a connection's token. Every port offers it beside its service: wire/idl/access.thrift. */
export const authenticateMethod = 'authenticate';
