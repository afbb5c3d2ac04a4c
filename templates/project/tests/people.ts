/** People as the Worker meets them: they sign up, prove their address by the letter, sign in, and call. */
import { exports } from "cloudflare:workers"

/** What came back. */
export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly body: any
}

/** Calls as somebody: `call("POST /v1/notes", { title: "Milk" })`. */
export type Call = (line: string, body?: object) => Promise<Answer>

/** Calls with an access token, or as nobody. */
export function caller(token?: string): Call {
  return async (line, body) => {
    const [method = "GET", path = "/"] = line.split(" ")
    const headers = new Headers({ "CF-Connecting-IP": "203.0.113.7" })
    if (token) headers.set("Authorization", `Bearer ${token}`)
    if (body) headers.set("Content-Type", method === "PATCH" ? "application/merge-patch+json" : "application/json")
    const init = { method, headers, body: body ? JSON.stringify(body) : null }
    const response = await exports.default.fetch(new Request(`https://notes.test${path}`, init))
    const text = await response.text()
    return { status: response.status, body: text === "" ? null : JSON.parse(text) }
  }
}

/** The token of the newest letter to an address. Letters leave behind the answer, so this waits for it. */
async function tokenFor(email: string): Promise<string> {
  for (let turn = 0; turn < 200; turn++) {
    const { body } = await caller()("GET /dev/mailbox.json")
    const letter = body.items.find((one: { to: string }) => one.to === email)
    if (letter) return letter.action.token
    await scheduler.wait(10)
  }
  throw new Error(`No letter came to ${email}`)
}

/** Somebody new who is signed in. */
export async function person(name: string): Promise<Call> {
  const nobody = caller()
  const email = `${name.toLowerCase()}-${crypto.randomUUID().slice(0, 8)}@example.com`
  const password = `correct horse ${crypto.randomUUID()}`
  await nobody("POST /v1/auth/sign-up", { name, email, password })
  await nobody("POST /v1/auth/verify-email", { token: await tokenFor(email) })
  const { status, body } = await nobody("POST /v1/auth/sign-in", { email, password })
  if (status !== 200) throw new Error(`Signing in answered ${status}: ${JSON.stringify(body)}`)
  return caller(body.accessToken)
}
