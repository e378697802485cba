/** Who is at the other end of a connection. */
export interface Peer {
  /** An IP address. */
  readonly address: string;
  /** Present where the client showed a certificate that one of `tls.clientCaFile`'s authorities vouches for. */
  readonly certificate?: PeerCertificate;
}

/** The names that a client's certificate is for. */
export interface PeerCertificate {
  /** The common name of its subject; undefined where there is none. */
  readonly commonName: string | undefined;
  /** The alternative names of its subject, each with its kind: `DNS:web1`, `URI:spiffe://…`, `IP Address:10.0.0.7`, `email:…`. */
  readonly names: readonly string[];
}
