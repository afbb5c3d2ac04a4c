/**
 * The authorization endpoint (RFC 6749 §3.1) as its page calls it: what a program asks for is shown to the person who is signed in, and what the
 * person decides is done. What was shown travels sealed with the form, for this session and ten minutes: nothing else can be decided on.
 */
import * as z from "zod"
import { type AuthorizationRequest, defaultScope, type GrantClient } from "../../core/oauth.ts"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { signedIn } from "../../core/policy.ts"
import { callerId } from "../../core/principal.ts"
import { Problem } from "../../core/problem.ts"
import { admit, callerPerson, causeOf } from "../account.ts"
import { ask } from "../objects.ts"
import { sessionOf } from "../operations/password.ts"
import { hashSecret } from "../token.ts"
import { findClient } from "./clients.ts"
import type { OAuthFlow } from "./flow.ts"
import { formatGrantToken } from "./grant-token.ts"
import { grantedMail } from "./mails.ts"
import { deniedRedirect, readAuthorization } from "./provider.ts"
import { sayScope } from "./scopes.ts"

const ticketPurpose = "oauth-consent"
const ticketMs = 10 * 60_000

const queryText = z.string().max(4096).describe("The query of the authorization request, as it came")

/** What the person decides on. */
const question = z.object({
  client: z.object({ name: z.string(), host: z.string().nullable() }),
  /** Where the browser goes afterwards. */
  redirectOrigin: z.string(),
  redirectHost: z.string(),
  scopes: z.array(z.object({ scope: z.string(), words: z.string() })),
  resource: z.string(),
  account: z.string(),
  ticket: z.string(),
})

const considered = z.object({ question: question.nullable(), redirect: z.string().nullable() })

const ticketForm = z.object({ query: z.string(), session: z.string(), at: z.number(), shown: z.string() })

interface Read {
  readonly client: GrantClient
  readonly request: AuthorizationRequest
}

/** The request behind a query, or where the browser takes its error. Throws INVALID_ARGUMENT where it must not be sent anywhere. */
async function read(flow: OAuthFlow, text: string): Promise<Read | { readonly redirect: string }> {
  const query = new URLSearchParams(text)
  const id = query.get("client_id")
  if (id === null || id === "") throw new Problem("INVALID_ARGUMENT", "The address of the request has no client_id")
  const client = await findClient(flow.clients, id)
  if (client === null) throw new Problem("INVALID_ARGUMENT", "The program that sent you here is not known")
  const found = await readAuthorization(flow.authorization, client, query, { scopes: flow.scopes(), defaultScope })
  return found.ok ? { client, request: found.request } : { redirect: found.redirect }
}

/** Stands for all that the person is shown: a consent to it is no consent to anything else. */
function shownOf({ client, request }: Read): Promise<string> {
  const shown = [client.name, client.host, request.redirectUri, request.scope, request.resource]
  return hashSecret(new TextEncoder().encode(JSON.stringify(shown)))
}

function considerOperation(flow: OAuthFlow): Operation {
  return {
    name: "oauth.consider",
    kind: "query",
    input: z.strictObject({ query: queryText }),
    output: considered,
    policy: signedIn(),
    credential: "session",
    engine: async ({ query }: { query: string }, work) => {
      const ports = flow.ports()
      await admit(ports, "program", work, callerId(work.reading.principal))
      const found = await read(flow, query)
      if ("redirect" in found) return { question: null, redirect: found.redirect }
      const { client, request } = found
      const person = await callerPerson(work)
      const ticket = { query, session: sessionOf(work), at: work.reading.now.getTime(), shown: await shownOf(found) }
      const { origin, host } = new URL(request.redirectUri)
      return {
        question: {
          client: { name: client.name, host: client.host },
          redirectOrigin: origin,
          redirectHost: host,
          scopes: request.scope.map((scope) => ({ scope, words: sayScope(scope) })),
          resource: request.resource,
          account: person.email ?? person.name,
          ticket: await ports.sealer.seal(ticketPurpose, person.id, JSON.stringify(ticket)),
        },
        redirect: null,
      }
    },
  }
}

const stale = () =>
  new Problem(
    "FAILED_PRECONDITION",
    "What you were asked is not up to date any more. Go back to the program and start again",
  )

/** The request that the ticket's person was asked about, in this session and as it was shown. */
async function asked(flow: OAuthFlow, work: EngineWork, text: string): Promise<Read> {
  const opened = await flow.ports().sealer.open(ticketPurpose, callerId(work.reading.principal), text)
  if (opened === null) throw stale()
  const { query, session, at, shown } = ticketForm.parse(JSON.parse(opened))
  const age = work.reading.now.getTime() - at
  if (session !== sessionOf(work) || !(age >= 0 && age < ticketMs)) throw stale()
  const found = await read(flow, query)
  if ("redirect" in found || (await shownOf(found)) !== shown) throw stale()
  return found
}

async function approve(flow: OAuthFlow, work: EngineWork, { client, request }: Read): Promise<string> {
  const ports = flow.ports()
  const person = await callerPerson(work)
  const approval = { rules: flow.authorization, request, client, session: sessionOf(work) }
  const granted = await ask(() => ports.objects.user(person.id).authorize(approval, causeOf(work)))
  // Its last grant to the program may have ended with this one.
  ports.revocations.doubt()
  if (granted === null) throw new Problem("UNAUTHENTICATED", "The session is over; sign in again")
  if (client.host === null) await flow.clients.keepRegistered(client.id, client.record)
  if (!granted.known)
    await work.write(({ changes }) => {
      const words = request.scope.map(sayScope)
      const at = client.host ?? new URL(request.redirectUri).host
      changes.mail(grantedMail(person.email, ports.title, { name: client.name, host: at, words }))
    })
  const redirect = new URL(granted.redirect)
  redirect.searchParams.set("code", formatGrantToken("ac", redirect.searchParams.get("code") ?? ""))
  return redirect.href
}

const decision = z.strictObject({ ticket: z.string().max(12_000), decision: z.enum(["allow", "refuse"]) })

function decideOperation(flow: OAuthFlow): Operation {
  return {
    name: "oauth.decide",
    kind: "mutation",
    input: decision,
    output: z.object({ redirect: z.string() }),
    policy: signedIn(),
    credential: "session",
    confidential: true,
    engine: async (given: z.output<typeof decision>, work) => {
      await admit(flow.ports(), "program", work, callerId(work.reading.principal))
      const found = await asked(flow, work, given.ticket)
      const isAllowed = given.decision === "allow"
      return {
        redirect: isAllowed
          ? await approve(flow, work, found)
          : await deniedRedirect(flow.authorization, found.request),
      }
    },
  }
}

/** `oauth.consider`, `oauth.decide`: for the page of consent alone. */
export function authorizeOperations(flow: OAuthFlow): readonly Operation[] {
  return [considerOperation(flow), decideOperation(flow)]
}
