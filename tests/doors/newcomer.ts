/** Somebody who signs up at the Worker of the suite, with the letter that development keeps. */

/** What they sign in with. */
export interface Newcomer {
  readonly email: string
  readonly password: string
}

interface Mailbox {
  readonly items: readonly { readonly to: string; readonly action: { readonly token: string | null } | null }[]
}

/** A person with a proved address and no session. */
export async function newcomer(origin: string): Promise<Newcomer> {
  const id = crypto.randomUUID()
  const who = { email: `${id}@example.org`, password: `three small ships ${id}` }
  const post = (path: string, body: object) =>
    fetch(`${origin}/v1/auth/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    })
  await post("sign-up", { ...who, name: "Newcomer" })
  for (let turn = 0; turn < 100; turn++) {
    const { items } = (await (await fetch(`${origin}/dev/mailbox.json`)).json()) as Mailbox
    const token = items.find(({ to }) => to === who.email)?.action?.token
    if (token) {
      await post("verify-email", { token })
      return who
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`No letter came to ${who.email}`)
}
