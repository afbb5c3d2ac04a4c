/** What `npm start` says: what to open, who can sign in, what to paste. And what it looks at before: whether keys and database belong together. */

import { join, relative } from "node:path"
import { sealer } from "../src/authentication/seal.ts"
import { parseKeyRing } from "../src/core/sealing.ts"
import { readLocal } from "./database.ts"
import { declaration } from "./declared.ts"
import { readDemoPasswords } from "./demo.ts"
import { localSecret, project, Stop } from "./local.ts"
import { setUpLine } from "./setup-code.ts"

/** True when somebody may administer the local installation. */
export function hasAdministrator(): boolean {
  const found = readLocal("users", (database) =>
    database
      .prepare(
        `select 1 from "users", json_each("users"."roles") as "role"
          where "users"."status" = 'active' and "role"."value" = 'admin' limit 1`,
      )
      .get(),
  )
  return found != null
}

function storedText(table: string, sql: string): { readonly id: string; readonly sealed: string } | null {
  const row = readLocal(table, (database) => database.prepare(sql).get())
  return row == null ? null : { id: String(row.id), sealed: String(row.sealed) }
}

/**
 * Refuses a local database whose passwords or signing keys were sealed under keys that .dev.vars does not hold: nobody could sign in, and the
 * reason would be hard to find.
 */
export async function checkSeals(): Promise<void> {
  const seals = [
    {
      ring: "PEPPER",
      purpose: "password",
      stored: storedText(
        "users",
        `select "id", "passwordSealed" as "sealed" from "users" where "passwordSealed" is not null limit 1`,
      ),
    },
    {
      ring: "KEK",
      purpose: "signing-key",
      stored: storedText(
        "signing_keys",
        `select "kid" as "id", "sealedPrivate" as "sealed" from "signing_keys" where "state" = 'current'`,
      ),
    },
  ] as const
  for (const { ring, purpose, stored } of seals) {
    if (stored === null) continue
    const { open } = sealer(parseKeyRing(localSecret(ring)), (length) => crypto.getRandomValues(new Uint8Array(length)))
    if ((await open(purpose, stored.id, stored.sealed)) === null)
      throw new Stop(
        `The local database was sealed under another ${ring} than .dev.vars holds. Put the old one back, or begin anew: npm run reset`,
      )
  }
}

/** What there is to say. */
export interface Welcome {
  /** Such as http://localhost:8787. */
  readonly origin: string
  /** null when there is an administrator. */
  readonly setupCode: string | null
  readonly development: boolean
}

/** The lines that sign in and call, as they are pasted. */
function pasteLines(origin: string, email: string, password: string): string[] {
  const listed = declaration.resources.filter(({ operations }) => operations?.includes("list") ?? true)
  const resource = listed.find((one) => one.search) ?? listed[0]
  // Nothing of it has the engine's own shape, so what to paste is for the project itself to say.
  if (!resource) return ["", `What to call, line by line: ${relative(process.cwd(), join(project, "README.md"))}`]
  const body = `{"email":"${email}","password":"${password}"}`
  const take = `sed -n 's/.*"accessToken":"\\([^"]*\\)".*/\\1/p'`
  return [
    "",
    "Paste these two lines into another terminal: sign in, and call.",
    "",
    `TOKEN=$(curl -s '${origin}/v1/auth/sign-in' -H 'Content-Type: application/json' -d '${body}' | ${take})`,
    `curl -H "Authorization: Bearer $TOKEN" '${origin}/v1/${resource.name}?limit=3'`,
  ]
}

/** What to open and what to paste. Passwords are for development alone. */
export function welcome({ origin, setupCode, development }: Welcome): string {
  const lines = ["", `Documentation  ${origin}/docs`, `OpenAPI        ${origin}/openapi.json`]
  for (const { prefix } of declaration.mounts) lines.push(`Mounted        ${origin}${prefix}`)
  const passwords = [...readDemoPasswords()]
  const [first] = passwords
  if (development) {
    lines.push(`Mailbox        ${origin}/dev/mailbox   (letters stay here)`)
    if (first) {
      const width = Math.max(...passwords.map(([email]) => email.length))
      lines.push("", "Demo people, with passwords that were made for this machine:", "")
      lines.push(...passwords.map(([email, password]) => `  ${email.padEnd(width)}  ${password}`))
      lines.push(...pasteLines(origin, ...first))
    } else lines.push(`Sign up        ${origin}/account/sign-up`)
  }
  if (setupCode !== null) {
    lines.push(
      "",
      "There is no administrator yet. This makes one, once, within a day (with your address and password):",
      "",
    )
    lines.push(setUpLine(origin, setupCode))
    lines.push(
      "",
      "Before anything else an administrator adds a second factor: POST /v1/factors/totp, then /v1/factors/totp/confirm with the code of an",
      'authenticator app. app({ accounts: { mfa: { administrators: "optional" } } }) leaves it to each of them.',
    )
  }
  return `${lines.join("\n")}\n`
}
