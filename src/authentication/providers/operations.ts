/**
 * Sign-in with others as operations. A client begins, sends its person to the provider, and finishes with what the provider answered; in between it
 * keeps a sealed text that nobody else has. The pages of this site do the same for browsers, with the text in a cookie.
 */
import * as z from "zod"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { anyone, signedIn as whoIsSignedIn } from "../../core/policy.ts"
import { invalid } from "../../core/problem.ts"
import type { Provider } from "../../core/provider.ts"
import type { Resource } from "../../core/resource.ts"
import { pathWithin } from "../../core/return-path.ts"
import { admit, callerPerson, type Flow } from "../account.ts"
import { sessionOf } from "../operations/password.ts"
import { checkTransport, deviceToken, signInAnswer, transport } from "../session-opening.ts"
import { authorizationUrl, type Identity, identityOf } from "./client.ts"
import { personOf } from "./entering.ts"
import { guarded, ProviderFault } from "./faults.ts"
import { linkIdentity, unlink } from "./linking.ts"
import { openSession } from "./session.ts"
import { checkState, flowSeconds, newFlow, openFlow, type StartedFlow, sealFlow, spend } from "./started.ts"

const listed = z
  .object({ items: z.array(z.object({ name: z.string(), title: z.string() })) })
  .meta({ id: "ProviderList" })

const began = z
  .object({
    url: z.string().describe("Where the person goes: the provider's own page"),
    flow: z.string().describe("To be kept by whoever began, shown to nobody, and given to auth.finishWithProvider"),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: "ProviderFlow" })

const finished = z
  .object({
    signIn: signInAnswer.optional().describe("Of the person who came in; absent where an identity was linked"),
    identityId: z.string().optional().describe("The identity that was linked; absent where somebody signed in"),
    returnTo: z.string().describe("What was said at the beginning"),
  })
  .meta({ id: "ProviderFinish" })

/** A path of this site, and nothing that a browser could read as another one. */
function checkReturn(origin: string, text: string): string {
  const path = pathWithin(origin, text)
  if (path === null) throw invalid("/returnTo", "other_site", "It is no path of this site")
  return path
}

function listProviders({ rules }: Flow): Operation {
  return {
    name: "auth.listProviders",
    kind: "query",
    summary: "With whom one can sign in",
    input: z.strictObject({}),
    output: listed,
    policy: anyone(),
    rest: { method: "GET", path: "/auth/providers" },
    engine: async () => ({ items: rules.providers.map(({ name, title }) => ({ name, title })) }),
  }
}

/** What beginning takes. */
interface Beginning {
  readonly provider: string
  readonly redirectUri?: string | undefined
  readonly returnTo: string
}

function beginInput(provider: z.ZodType<string>) {
  return z
    .strictObject({
      provider,
      redirectUri: z
        .string()
        .max(500)
        .optional()
        .describe(
          "Where the provider sends the person: one of those that were declared; the page of this site if none",
        ),
      returnTo: z.string().max(500).default("/account").describe("Path of this site to go on to"),
    })
    .meta({ id: "ProviderBegin" })
}

async function begin(flow: Flow, work: EngineWork, given: Beginning, link: StartedFlow["link"]) {
  const ports = flow.ports()
  const provider = providerOf(flow, given.provider)
  await admit(ports, "sign-in", work)
  const own = `${ports.origin}/auth/${provider.name}/callback`
  const { redirectUri = own } = given
  if (redirectUri !== own && !provider.redirectUris.includes(redirectUri))
    throw invalid("/redirectUri", "unknown_uri", "It is none of those that were declared")
  const { now } = work.reading
  const returnTo = checkReturn(ports.origin, given.returnTo)
  const started = newFlow(ports, now, { redirectUri, returnTo, link })
  const url = await guarded(ports.providers, work, provider, () =>
    authorizationUrl(ports.providers, provider, started, now),
  )
  const expiresAt = new Date(now.getTime() + flowSeconds * 1000).toISOString()
  return { url, flow: await sealFlow(ports, provider, started), expiresAt }
}

function providerOf({ rules }: Flow, name: string): Provider {
  const found = rules.providers.find((one) => one.name === name)
  // The input's schema names them all.
  if (found === undefined) throw new Error(`There is no provider ${name}`)
  return found
}

function beginWithProvider(flow: Flow, name: z.ZodType<string>): Operation {
  return {
    name: "auth.beginWithProvider",
    kind: "mutation",
    summary: "Begin to sign in, or up, with somebody who vouches for the person",
    input: beginInput(name),
    output: began,
    policy: anyone(),
    confidential: true,
    rest: { method: "POST", path: "/auth/providers/{provider}/begin" },
    engine: (given: Beginning, work) => begin(flow, work, given, null),
  }
}

function linkWithProvider(flow: Flow, name: z.ZodType<string>): Operation {
  return {
    name: "identities.link",
    kind: "mutation",
    summary: "Begin to link an identity to one's own account; auth.finishWithProvider ends it",
    input: beginInput(name),
    output: began,
    policy: whoIsSignedIn(),
    credential: "session",
    fresh: "10m",
    confidential: true,
    rest: { method: "POST", path: "/auth/providers/{provider}/link" },
    engine: async (given: Beginning, work) =>
      begin(flow, work, given, { userId: (await callerPerson(work)).id, session: sessionOf(work) }),
  }
}

function finishInput(provider: z.ZodType<string>) {
  return z
    .strictObject({
      provider,
      flow: z.string().max(4096).describe("From auth.beginWithProvider or identities.link"),
      query: z
        .string()
        .max(8192)
        .describe("What stands behind the ? of the address that the provider sent the person to"),
      transport,
      deviceToken,
    })
    .meta({ id: "ProviderFinishInput" })
}

/** The provider's answer, checked in every way: the flow, its state, its one use, and all that `identityOf` checks. */
async function answered(
  flow: Flow,
  work: EngineWork,
  provider: Provider,
  {
    flow: sealed,
    query,
    transport: kept,
  }: Pick<z.output<ReturnType<typeof finishInput>>, "flow" | "query" | "transport">,
): Promise<{ readonly started: StartedFlow; readonly identity: Identity }> {
  const ports = flow.ports()
  const { now } = work.reading
  const guard = <T>(ask: () => Promise<T>) => guarded(ports.providers, work, provider, ask)
  const started = await guard(async () => {
    const opened = await openFlow(ports, provider, sealed, now)
    checkState(opened, query)
    return opened
  })
  checkTransport(work, kept)
  const isFirst = await spend(ports, work, started)
  const identity = await guard(async () => {
    if (!isFirst) throw new ProviderFault("replayed", "The flow was used before")
    return identityOf(ports.providers, provider, started, query, now)
  })
  return { started, identity }
}

function finishWithProvider(flow: Flow, name: z.ZodType<string>, apiKeys: Resource): Operation {
  const input = finishInput(name)
  return {
    name: "auth.finishWithProvider",
    kind: "mutation",
    summary: "Sign in, sign up or link with what the provider answered; once",
    input,
    output: finished,
    policy: anyone(),
    confidential: true,
    rest: { method: "POST", path: "/auth/providers/{provider}/finish" },
    engine: async (given: z.output<typeof input>, work) => {
      await admit(flow.ports(), "proof", work)
      const provider = providerOf(flow, given.provider)
      const { started, identity } = await answered(flow, work, provider, given)
      const { link, returnTo } = started
      if (link !== null) return { identityId: await linkIdentity(flow, work, provider, identity, link), returnTo }
      const person = await personOf(flow, work, apiKeys, provider, identity)
      return { signIn: await openSession(flow, work, person, given), returnTo }
    },
  }
}

/** The operations; none where no provider is declared. */
export function providerOperations(flow: Flow, apiKeys: Resource): readonly Operation[] {
  const names = flow.rules.providers.map(({ name }) => name)
  if (names.length === 0) return []
  const name = z.enum(names as [string, ...string[]])
  return [
    listProviders(flow),
    beginWithProvider(flow, name),
    finishWithProvider(flow, name, apiKeys),
    linkWithProvider(flow, name),
    unlink(flow),
  ]
}
