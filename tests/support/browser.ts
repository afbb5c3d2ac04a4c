/** A browser: keeps the cookies that it is set, sends them with every call, and says where the calling page comes from. */
import { type Answer, type CallOptions, call } from "./calls.ts"
import { type Newcomer, newNetwork } from "./people.ts"

/** A Worker that can be called. */
interface World {
  call(actor: { readonly token: string } | null, line: string, options?: CallOptions): Promise<Answer>
}

/** A cookie as it was set: its value and its attributes in lower case, values included. */
export interface SetCookie {
  readonly value: string
  readonly attributes: readonly string[]
}

/** The cookies that an answer sets, by name. */
export function cookiesSet({ headers }: Answer): Map<string, SetCookie> {
  const set = new Map<string, SetCookie>()
  for (const line of headers.getSetCookie()) {
    const [pair = "", ...attributes] = line.split(";").map((part) => part.trim())
    const at = pair.indexOf("=")
    set.set(pair.slice(0, at), { value: pair.slice(at + 1), attributes: attributes.map((one) => one.toLowerCase()) })
  }
  return set
}

/** What a page of this site sends along. */
export const fromHere = { "Sec-Fetch-Site": "same-origin" } as const

/** A browser. */
export interface Browser {
  readonly jar: Map<string, string>
  /** A call from a page; `headers` say from which one, from one of this site when left out. */
  fetch(line: string, options?: CallOptions): Promise<Answer>
  signIn(who: Pick<Newcomer, "email" | "password">): Promise<Answer>
}

/** A browser without cookies. */
export function newBrowser(world: World = { call }): Browser {
  const jar = new Map<string, string>()
  const network = { "CF-Connecting-IP": newNetwork() }
  const browser: Browser = {
    jar,
    async fetch(line, { headers = fromHere, ...options } = {}) {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ")
      const sent = { ...network, ...(cookie === "" ? {} : { Cookie: cookie }), ...headers }
      const answer = await world.call(null, line, { ...options, headers: sent })
      for (const [name, { value, attributes }] of cookiesSet(answer)) {
        if (attributes.includes("max-age=0")) jar.delete(name)
        else jar.set(name, value)
      }
      return answer
    },
    signIn: ({ email, password }) =>
      browser.fetch("POST /v1/auth/sign-in", { body: { email, password, transport: "cookie" } }),
  }
  return browser
}
