/**
 * `SELVAGE_TOKEN=… npm run keys:rotate -- --url https://example.com [--early | --compromised]`: asks a running Worker to turn the keys that
 * access tokens are signed with. The token is an administrator's access token; it stands in the environment, so that no process list shows it.
 */
import { parseArgs } from "node:util"
import { run, Stop } from "./local.ts"

interface Answer {
  readonly steps?: readonly { readonly kind: string; readonly kid: string | null }[]
  readonly detail?: string
}

/** The origin to call: https, or this machine. A token over plain HTTP would be everybody's. */
function originOf(url: string | undefined): string {
  if (url === undefined || !URL.canParse(url)) throw new Stop("Say where: --url https://example.com")
  const { origin, protocol, hostname } = new URL(url)
  const isHere = hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]"
  if (protocol !== "https:" && !isHere) throw new Stop("--url has to be https: the token would be readable on the way")
  return origin
}

/** The command. */
export async function rotateKeys(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: "string" },
      early: { type: "boolean" },
      compromised: { type: "boolean" },
      project: { type: "string" },
    },
  })
  if (values.early && values.compromised) throw new Stop("Either --early or --compromised")
  const mode = values.compromised ? "compromised" : values.early ? "early" : "due"
  const token = process.env.SELVAGE_TOKEN
  if (!token) throw new Stop("SELVAGE_TOKEN is not set: an access token of an administrator, from /v1/auth/sign-in")
  const response = await fetch(`${originOf(values.url)}/v1/auth/rotate-keys`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ mode }),
  })
  const answer = (await response.json()) as Answer
  if (!response.ok || !answer.steps)
    throw new Stop(`Refused (${response.status}): ${answer.detail ?? "no reason given"}`)
  if (answer.steps.length === 0) console.log("Nothing was due.")
  for (const { kind, kid } of answer.steps) console.log(kid === null ? kind : `${kind} ${kid}`)
}

if (import.meta.main) await run(rotateKeys)
