const notTrusted = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
]);
/** OpenSSL's texts of the same errors: some drivers replace the codes. */
const notTrustedText = /self[- ]signed certificate|unable to (get|verify)|unknown authority/i;
const refusesOurs =
  /certificate_required|certificate required|unknown ca|bad certificate|certificate unknown|alert number (42|46|48|116)\b/i;

/** TLS settings that do not match, as a clause with what to do; undefined for other errors. */
export function tlsTrouble(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code = '' } = error as NodeJS.ErrnoException;
  const message = reasonOf(error);
  if (notTrusted.has(code) || notTrustedText.test(message))
    return `its certificate does not come from an authority that we trust (${message}): name the authority's certificate in \`ca\` (\`caFile\` of a configuration)`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || /does not match certificate's altnames/.test(message))
    return `its certificate is for another name (${message}): connect by a name that the certificate has, or set \`servername\``;
  if (
    code === 'CERT_HAS_EXPIRED' ||
    code === 'CERT_NOT_YET_VALID' ||
    /certificate (has expired|is not yet valid)/.test(message)
  )
    return `its certificate is not valid now (${message}): renew it there, and look at the clocks`;
  if (refusesOurs.test(message))
    return `it does not take our certificate, or that we show none (${message}): set \`cert\` and \`key\` (\`certFile\`, \`keyFile\`) to those of an authority that it trusts`;
  if (
    code === 'ERR_SSL_WRONG_VERSION_NUMBER' ||
    /wrong version number|packet length too long|does not support secure connection/i.test(message)
  )
    return `it does not speak TLS on this port (${message}): encrypt it there, or leave \`tls\` out here`;
  return undefined;
}

/**
 * The reason of a failed connection, in OpenSSL's words if there are any: its messages also contain lines of its
 * source.
 */
export const reasonOf = (error: Error): string => (error as { readonly reason?: string }).reason ?? error.message;
