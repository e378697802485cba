/** The other end of a connection. */
export interface Peer {
  /** An IP address. */
  readonly address: string;
  /** Present if the client showed a certificate signed by one of `tls.clientCaFile`'s authorities. */
  readonly certificate?: PeerCertificate;
}

/** The names in a client's certificate. */
export interface PeerCertificate {
  /** The subject's common name; undefined if there is none. */
  readonly commonName: string | undefined;
  /**
   * The subject's alternative names, each with its kind: `DNS:web1`, `URI:spiffe://…`, `IP Address:10.0.0.7`,
   * `email:…`.
   */
  readonly names: readonly string[];
}
