/** The headers that keep an answer from being more than it is, for every door that browsers reach. */

/** Security headers (OWASP; RFC 6797, CSP 3). An answer of an interface is data: nothing may run, frame or embed it. Pages say more. */
export const securityHeaders: Readonly<Record<string, string>> = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
  "X-Content-Type-Options": "nosniff",
}
