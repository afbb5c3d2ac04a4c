/** A client of Conduit, over HTTP: people who register, write and call. Refuses (throws) when what a test stands on does not succeed. */
import { env, exports } from "cloudflare:workers"

/** What came back, read to its end. */
export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly body: any
  readonly headers: Headers
}

/** Somebody with an account. Each calls from an address of their own, for sign-up is limited by address. */
export interface Person {
  readonly username: string
  readonly email: string
  readonly password: string
  readonly token: string
}

/** What a call may have beside its line. */
export interface Sent {
  readonly body?: unknown
  /** The whole header, for those that are wrong. */
  readonly authorization?: string
  /** As it is, for what is not JSON. */
  readonly raw?: string
}

let made = 0

/** A word that no other test of this run has. */
export function unique(word: string): string {
  return `${word}${++made}`
}

function address(): string {
  made++
  return `10.${made >> 16}.${(made >> 8) & 255}.${made & 255}`
}

/**
 * Calls the Worker.
 * @param who null for nobody
 * @param line method and path below /api: `"GET /articles"`
 */
export async function call(who: Pick<Person, "token"> | null, line: string, sent: Sent = {}): Promise<Answer> {
  const [method = "GET", path = "/"] = line.split(" ")
  const headers = new Headers({ "CF-Connecting-IP": address() })
  const authorization = sent.authorization ?? (who && `Token ${who.token}`)
  if (authorization) headers.set("Authorization", authorization)
  const body = sent.raw ?? (sent.body === undefined ? null : JSON.stringify(sent.body))
  if (body !== null) headers.set("Content-Type", "application/json")
  const response = await exports.default.fetch(
    new Request(`https://conduit.test/api${path}`, { method, headers, body, redirect: "manual" }),
  )
  const text = await response.text()
  return { status: response.status, body: text === "" ? null : JSON.parse(text), headers: response.headers }
}

async function succeed(who: Pick<Person, "token"> | null, line: string, body: unknown): Promise<Answer["body"]> {
  const answer = await call(who, line, { body })
  if (answer.status >= 300) throw new Error(`${line}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** Somebody new. */
export async function person(): Promise<Person> {
  const username = unique("person")
  const given = { username, email: `${username}@example.com`, password: "kestrel-gravel-41" }
  const { user } = await succeed(null, "POST /users", { user: given })
  return { ...given, token: user.token }
}

/** What a test says of an article; the rest is made up. */
export interface Written {
  readonly title?: string
  readonly tagList?: readonly string[]
}

/** A new article. */
// biome-ignore lint/suspicious/noExplicitAny: an answer's own form is what the tests look at
export async function write(author: Person, { title = "A title", tagList = [] }: Written = {}): Promise<any> {
  const article = { title, description: "In short.", body: "At length.", tagList }
  return (await succeed(author, "POST /articles", { article })).article
}

/** A new comment. */
// biome-ignore lint/suspicious/noExplicitAny: an answer's own form is what the tests look at
export async function comment(author: Person, slug: string, body = "Well said."): Promise<any> {
  return (await succeed(author, `POST /articles/${slug}/comments`, { comment: { body } })).comment
}

/** Everything that is stored, so that a refusal can be shown to have changed nothing. */
export async function stored(): Promise<unknown> {
  const tables = ["users", "profiles", "follows", "articles", "article_tags", "favorites", "comments", "events"]
  const results = await env.DB.batch(tables.map((table) => env.DB.prepare(`select * from "${table}" order by "id"`)))
  return Object.fromEntries(tables.map((table, n) => [table, results[n]?.results]))
}

/** How many rows a table has. */
export async function rows(table: string): Promise<number> {
  return (await env.DB.prepare(`select count(*) as "n" from "${table}"`).first<number>("n")) ?? Number.NaN
}

/** Round trips to D1, as the answer tells in development. */
export function tripsOf({ headers }: Answer): number {
  return Number(/trips=(\d+)/.exec(headers.get("X-Selvage-Cost") ?? "")?.[1] ?? Number.NaN)
}
