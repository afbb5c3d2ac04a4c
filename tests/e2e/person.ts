/** Somebody with a browser that has no script: keeps cookies by site, follows redirects from site to site, fills in the forms of the provider. */

/** Where a browser stands. */
export interface Stand {
  readonly url: URL
  readonly status: number
  readonly text: string
}

/** A browser. */
export interface Person {
  /** Cookies by origin and name. */
  readonly jars: Map<string, Map<string, string>>
  /** Goes to an address and on to where it leads, until a page is shown; `until` stops before an address is visited. */
  go(address: string, until?: (url: URL) => boolean): Promise<Stand>
  /** Sends a form from a page of its own site. */
  send(address: string, form: Record<string, string>, until?: (url: URL) => boolean): Promise<Stand>
  /** A call by a script of the application's own page. */
  call(line: string): Promise<{ readonly status: number; readonly body: Record<string, never> }>
}

const redirectsMax = 12
let people = 0

/**
 * A browser without cookies.
 * @param application origin of the application
 */
export function newPerson(application: string): Person {
  const jars = new Map<string, Map<string, string>>()
  // Each calls from an address of their own, or they would use up one address's sign-ups.
  const address = { "CF-Connecting-IP": `203.0.113.${++people}` }
  const jarOf = (origin: string) => {
    const jar = jars.get(origin) ?? new Map<string, string>()
    jars.set(origin, jar)
    return jar
  }
  const ask = async (url: URL, init: RequestInit): Promise<Response> => {
    const jar = jarOf(url.origin)
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ")
    const headers = { ...address, ...init.headers, ...(cookie === "" ? {} : { Cookie: cookie }) }
    const response = await fetch(url, { ...init, headers, redirect: "manual" })
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      const isOver = /max-age=0\b/i.test(line) || /expires=Thu, 01 Jan 1970/i.test(line)
      if (isOver) jar.delete(name)
      else jar.set(name, value)
    }
    return response
  }
  const visit = async (first: URL, init: RequestInit, until: (url: URL) => boolean): Promise<Stand> => {
    let url = first
    let response = await ask(url, init)
    for (let turn = 0; turn < redirectsMax; turn++) {
      const location = response.headers.get("location")
      if (location === null) return { url, status: response.status, text: await response.text() }
      await response.body?.cancel()
      const next = new URL(location, url)
      if (until(next)) return { url: next, status: response.status, text: "" }
      // Fetch Metadata, as a browser computes it of a chain that has left the site.
      response = await ask(next, {
        headers: { "Sec-Fetch-Site": next.origin === url.origin ? "same-origin" : "cross-site" },
      })
      url = next
    }
    throw new Error(`${first.href} leads on and on, at last to ${url.href}`)
  }
  const never = () => false
  return {
    jars,
    go: (address, until = never) =>
      visit(new URL(address, application), { headers: { "Sec-Fetch-Site": "none" } }, until),
    send(address, form, until = never) {
      const body = new URLSearchParams(form).toString()
      const headers = { "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded" }
      return visit(new URL(address, application), { method: "POST", headers, body }, until)
    },
    async call(line) {
      const [method = "GET", path = "/"] = line.split(" ")
      const response = await ask(new URL(path, application), { method, headers: { "Sec-Fetch-Site": "same-origin" } })
      const text = await response.text()
      return { status: response.status, body: text === "" ? {} : JSON.parse(text) }
    },
  }
}

/** The address that a page's form is sent to. */
function formOf({ url, text }: Stand): string {
  const [, action] = /<form[^>]* action="([^"]+)"/.exec(text) ?? []
  if (action === undefined) throw new Error(`There is no form at ${url.href}:\n${text.slice(0, 500)}`)
  return new URL(action.replaceAll("&amp;", "&"), url).href
}

/**
 * Signs in and agrees on the pages of the real provider.
 * @param stand at its page for sign-in
 * @param until stops before an address is visited
 */
export async function agree(
  person: Person,
  stand: Stand,
  login: string,
  until: (url: URL) => boolean = () => false,
): Promise<Stand> {
  const form = { prompt: "login", login, password: "any will do" }
  const asked = stand.text.includes('name="login"') ? await person.send(formOf(stand), form, until) : stand
  // Whoever agreed before is not asked again.
  return asked.text.includes('value="consent"') ? person.send(formOf(asked), { prompt: "consent" }, until) : asked
}

/** Says no on the page of the real provider. */
export function decline(person: Person, { url, text }: Stand): Promise<Stand> {
  const [, href] = /href="([^"]+\/abort)"/.exec(text) ?? []
  if (href === undefined) throw new Error(`Nothing to say no with at ${url.href}:\n${text.slice(-800)}`)
  return person.go(new URL(href, url).href)
}
