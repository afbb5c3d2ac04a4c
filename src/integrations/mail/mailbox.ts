/** The mailbox of development: what would have been sent, in KV, newest first. Never used in production. */
import { htmlOf, type Letter, subjectOf, textOf } from "./letter.ts"

/** A letter as the mailbox shows it. */
export interface Received {
  readonly id: string
  /** RFC 3339. */
  readonly at: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** Where the letter leads, and the token in it, for who completes a flow with curl. */
  readonly action: { readonly label: string; readonly url: string; readonly token: string | null } | null
}

/** Where letters are put in the place of being sent. */
export interface Mailbox {
  readonly cache: KVNamespace
  /** What its keys begin with. */
  readonly prefix: string
}

const keepSeconds = 7 * 24 * 3600
const shown = 50

/** Names in KV sort upwards, so the time counts down. */
function keyOf(prefix: string, id: string, at: number): string {
  return `${prefix}${String(Number.MAX_SAFE_INTEGER - at).padStart(16, "0")}/${id}`
}

/** Puts a letter into the mailbox. One that is delivered twice stands there twice, as it would with its receiver. */
export async function toMailbox({ cache, prefix }: Mailbox, id: string, letter: Letter): Promise<void> {
  const { to, action } = letter
  const at = Date.now()
  const received: Received = {
    id,
    at: new Date(at).toISOString(),
    to,
    subject: subjectOf(letter),
    text: textOf(letter),
    html: htmlOf(letter),
    action: action ? { ...action, token: new URL(action.url).searchParams.get("token") } : null,
  }
  await cache.put(keyOf(prefix, id, at), JSON.stringify(received), { expirationTtl: keepSeconds })
}

/** The newest letters. */
export async function readMailbox({ cache, prefix }: Mailbox): Promise<readonly Received[]> {
  const { keys } = await cache.list({ prefix, limit: shown })
  const texts = await Promise.all(keys.map(({ name }) => cache.get(name)))
  return texts.filter((text) => text !== null).map((text) => JSON.parse(text) as Received)
}
