/** A caller's address as one counts by: one subscriber, one text. */

/** IPv4 as it is; of IPv6 the /64, since a /64 is what one subscriber holds (RFC 6177), as `2001:db8:0:1::/64`. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address
  const [head = "", tail] = address.split("::")
  const front = head === "" ? [] : head.split(":")
  const back = tail === undefined || tail === "" ? [] : tail.split(":")
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - front.length - back.length)).fill("0")
  return `${[...front, ...zeros, ...back]
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""))
    .join(":")}::/64`
}
