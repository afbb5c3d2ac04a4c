/** What crosses a door: JSON values. Dates are RFC 3339 text, 64-bit integers decimal text, bytes base64. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json }
