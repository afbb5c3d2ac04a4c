/**
 * Which addresses of the network the outside is: what leads to this machine, a private network, a link or a cloud's metadata is not. Refuses
 * what it does not know: an address that is no global unicast one is private.
 */

/** What an address is to whoever calls out. */
export type Reach = "public" | "loopback" | "private"

/** First address and length of prefix of every block that is not global: IANA's registry of special-purpose addresses, and multicast. */
const blocks4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
].map((block) => {
  const [first = "", length] = block.split("/")
  return { first: number4(first) as number, size: 2 ** (32 - Number(length)) }
})

/** A dotted quad, as `URL` and DNS write it; null for anything else. */
function number4(text: string): number | null {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number)
  if (!parts || parts.some((part) => part > 255)) return null
  return parts.reduce((number, part) => number * 256 + part, 0)
}

function reach4(number: number): Reach {
  if (number >= 0x7f000000 && number <= 0x7fffffff) return "loopback"
  return blocks4.some(({ first, size }) => number >= first && number < first + size) ? "private" : "public"
}

/** The eight groups of an IPv6 address (RFC 4291 §2.2); null for anything else. */
function groups6(text: string): number[] | null {
  const plain = text.replace(/(\d+\.\d+\.\d+\.\d+)$/, (quad) => {
    const number = number4(quad)
    return number === null ? "x" : `${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`
  })
  const halves = plain.split("::")
  if (halves.length > 2) return null
  const [head = [], rest = []] = halves.map((half) => (half === "" ? [] : half.split(":")))
  const missing = 8 - head.length - rest.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null
  const groups = [...head, ...Array.from({ length: missing }, () => "0"), ...rest]
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : null
}

function reach6(groups: readonly number[]): Reach {
  const [a = 0, b = 0] = groups
  const isLow = groups.slice(0, 5).every((group) => group === 0)
  if (isLow && groups[5] === 0 && groups[6] === 0 && groups[7] === 1) return "loopback"
  // ::ffff:127.0.0.1 is the loopback in another spelling; a mapped public address is nobody's honest spelling.
  if (isLow && groups[5] === 0xffff && (groups[6] as number) >>> 8 === 127) return "loopback"
  // 2000::/3 is all that is global. Of it: protocols and Teredo, documentation, 6to4.
  if (a < 0x2000 || a > 0x3fff) return "private"
  if (a === 0x2001 && (b < 0x0200 || b === 0x0db8)) return "private"
  return a === 0x2002 || (a === 0x3fff && b < 0x1000) ? "private" : "public"
}

/**
 * What an address is; null for what is no address but a name.
 * @param host of a parsed `URL`, which has brought every spelling of an IPv4 address (decimal, hexadecimal, octal, short) into one, or of DNS
 */
export function reachOf(host: string): Reach | null {
  const number = number4(host)
  if (number !== null) return reach4(number)
  if (!host.includes(":")) return null
  const groups = groups6(host.replace(/^\[|\]$/g, ""))
  return groups === null ? "private" : reach6(groups)
}

const privateSuffixes = ["local", "internal", "localdomain", "lan", "intranet", "corp", "home", "private", "home.arpa"]

/**
 * What a name says of itself before anybody is asked: `localhost` is this machine (RFC 6761 §6.3); names of private networks, and those without a
 * dot, are resolved by whoever is nearest.
 * @param host of a parsed `URL`
 */
export function reachOfName(host: string): Reach {
  const name = host.replace(/\.$/, "").toLowerCase()
  if (name === "localhost" || name.endsWith(".localhost")) return "loopback"
  if (!name.includes(".")) return "private"
  return privateSuffixes.some((suffix) => name.endsWith(`.${suffix}`)) ? "private" : "public"
}
