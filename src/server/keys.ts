/** Every KV key and object name, with content and lifetime. Nothing else builds one. */

/** KV: read by the readiness check, never written: what counts is that KV answers. */
export const healthKey = "health/ready"

/** Name of a user's own object. `id` is the user's TypeID. */
export function userObjectName(id: string): string {
  return `user/${id}`
}

/** Name of the object that the readiness check calls; it stores nothing. */
export const healthObjectName = "health"

/** Key of the shield for an address: IPv6 callers share one bucket a /64, since a /64 is what one subscriber holds (RFC 6177). */
export function addressKey(address: string): string {
  if (!address.includes(":")) return `address/${address}`
  const [head = "", tail] = address.split("::")
  const front = head === "" ? [] : head.split(":")
  const back = tail === undefined || tail === "" ? [] : tail.split(":")
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - front.length - back.length)).fill("0")
  return `address/${[...front, ...zeros, ...back]
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""))
    .join(":")}::/64`
}

/** Key of the shield for a principal. */
export function principalKey(id: string): string {
  return `principal/${id}`
}
