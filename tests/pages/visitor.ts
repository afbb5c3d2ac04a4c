/** Somebody with a browser without script: keeps cookies, follows no redirect by itself, sends forms as a page of this site would. */
import { type Answer, call } from "../support/calls.ts"
import { type Newcomer, newAddress } from "../support/people.ts"

/** A page as it came back. */
export interface Page extends Answer {
  readonly text: string
  /** Where the browser is sent. */
  readonly location: string | null
}

/** A browser. */
export interface Visitor {
  readonly who: Newcomer
  readonly cookies: Map<string, string>
  get(path: string, headers?: Record<string, string>): Promise<Page>
  /** Sends a form from a page of this site; other headers may say that it was another's. */
  post(path: string, form: Record<string, string>, headers?: Record<string, string>): Promise<Page>
}

export const fromHere = { "Sec-Fetch-Site": "same-origin", Origin: "null" }

function keep(cookies: Map<string, string>, headers: Headers): void {
  for (const line of headers.getSetCookie()) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (/Max-Age=0\b/.test(line)) cookies.delete(name)
    else cookies.set(name, value)
  }
}

/** A new browser of somebody whom nobody has heard of. */
export function newVisitor(who: Newcomer = newAddress()): Visitor {
  const cookies = new Map<string, string>()
  const send = async (line: string, headers: Record<string, string>, body?: string): Promise<Page> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ")
    const all = { ...who.headers, ...(cookie === "" ? {} : { Cookie: cookie }), ...headers }
    const answer = await call(null, line, body === undefined ? { headers: all } : { headers: all, body })
    keep(cookies, answer.headers)
    return { ...answer, text: String(answer.body ?? ""), location: answer.headers.get("Location") }
  }
  return {
    who,
    cookies,
    get: (path, headers = {}) => send(`GET ${path}`, headers),
    post: (path, form, headers = fromHere) =>
      send(
        `POST ${path}`,
        { "Content-Type": "application/x-www-form-urlencoded", ...headers },
        new URLSearchParams(form).toString(),
      ),
  }
}

/** The path of the page that a letter leads to, with its token. */
export function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}
