/**
 * A request to a page, and the calls of the pipeline that it leads to. A browser carries its session in cookies; one whose access token is
 * over is given the next one within the same request. Refuses forms that another site's page sends.
 */
import type { AccountRules } from "../../core/accounts.ts"
import { arrivalOf } from "../../core/arrival.ts"
import { cookiesOf } from "../../core/cookies.ts"
import type { Door, Facts } from "../../core/door.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import type { SessionEffect } from "../../core/operation.ts"
import { run } from "../../core/pipeline.ts"
import type { Cookies, Credentials, Ports } from "../../core/ports.ts"
import { Problem } from "../../core/problem.ts"
import type { CompiledOperation, Registry } from "../../core/registry.ts"
import { type Form, readForm } from "./form.ts"
import { needsFreshProof } from "./ways.ts"

/** A letter in the mailbox of development. */
export interface ReceivedLetter {
  readonly id: string
  /** RFC 3339. */
  readonly at: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly action: { readonly label: string; readonly url: string; readonly token: string | null } | null
}

/** What the pages need of the world. */
export interface PagesOptions {
  readonly registry: Registry
  readonly ports: Ports
  /** A new request id, for callers that bring none. */
  requestId(): string
  readonly rules: Pick<AccountRules, "password" | "providers">
  /** Operations of pages alone, beside those of the registry. */
  readonly internal: ReadonlyMap<string, CompiledOperation>
  /** The letters that would have been sent; null outside of development. */
  readonly mailbox: (() => Promise<readonly ReceivedLetter[]>) | null
}

/** How a call ended. */
export type Ending =
  | { readonly ok: true; readonly output: JsonObject; readonly facts: Facts }
  | { readonly ok: false; readonly problem: Problem; readonly facts: Facts }

/** A call: an operation with what makes its input, or a refusal that the pipeline is to tell of. */
interface Call {
  readonly operation: string
  readonly refusal: Problem | null
  readonly credentials: Credentials
  readonly trusted: boolean
  decode(): Promise<Json> | Json
}

/** One request on its way through the pages. */
export interface Visit {
  readonly request: Request
  readonly url: URL
  readonly requestId: string
  /** What was typed; null until it is read. */
  form(): Form | null
  /** What becomes of the browser's cookies. */
  effect(): SessionEffect | null
  /**
   * Runs an operation for the visitor.
   * @param input made from the form of a POST, which is read after authentication and only then
   * @param session true where a session that needs a new access token is to get one
   */
  call(operation: string, input: (form: Form) => JsonObject, options?: { readonly session: boolean }): Promise<Ending>
  /** Lets the pipeline refuse, so that limits and the log know of it. */
  refuse(problem: Problem): Promise<Ending>
}

/** The pages as the pipeline sees them. */
function doorOf({ registry, internal }: Pick<PagesOptions, "registry" | "internal">): Door<Call, Ending> {
  return {
    name: "pages",
    credentials: (call) => call.credentials,
    resolve(call) {
      if (call.refusal !== null) throw call.refusal
      if (!call.trusted) throw new Problem("PERMISSION_DENIED", "This form was not sent from a page of this site")
      const operation = registry.operations.get(call.operation) ?? internal.get(call.operation)
      if (operation === undefined) throw new Error(`There is no operation ${call.operation}`)
      return {
        operation,
        decode: () => call.decode(),
        idempotencyKey: null,
        expectedVersion: null,
        bookmark: null,
      }
    },
    encode: (_, output, facts) => ({ ok: true, output: output as JsonObject, facts }),
    encodeProblem: (_, problem, facts) => ({ ok: false, problem, facts }),
  }
}

const nowhere: ReadonlySet<string> = new Set()
const empty: Form = new Map()

/**
 * Makes visits for an isolate.
 * @returns a function from a request to a visit
 */
export function visits(options: PagesOptions): (request: Request) => Visit {
  const { registry, ports, requestId } = options
  const door = doorOf(options)
  return (request) => {
    const arrival = arrivalOf(request, requestId)
    // Pages are for this site alone: no other origin is listed, and a bearer has no place here.
    let cookies: Cookies | null = cookiesOf(request, nowhere)
    const changes = request.method !== "GET" && request.method !== "HEAD"
    const trusted = !changes || cookies?.sameOrigin === true
    let form: Form | null = null
    let effect: SessionEffect | null = null

    const once = async (operation: string, decode: Call["decode"], refusal: Problem | null = null): Promise<Ending> => {
      const { headers } = request
      const credentials = {
        address: headers.get("cf-connecting-ip"),
        bearer: null,
        userAgent: headers.get("user-agent"),
        cookies,
      }
      const ending = await run(registry, ports, door, { operation, refusal, credentials, trusted, decode }, arrival)
      effect = ending.facts.session ?? effect
      return ending
    }
    /** The next access token by the refresh token; without one the visitor goes on as nobody. */
    const renew = async (): Promise<void> => {
      if (cookies === null) return
      cookies = { ...cookies, access: null }
      if (cookies.refresh === null) return
      await once("auth.refresh", () => ({}))
      const renewed = effect as SessionEffect | null
      if (renewed?.kind === "set") cookies = { ...cookies, access: renewed.access.token }
    }
    return {
      request,
      url: new URL(request.url),
      requestId: arrival.requestId,
      form: () => form,
      effect: () => effect,
      async call(operation, input, { session } = { session: false }) {
        const decode = async () => {
          if (changes) form ??= await readForm(request)
          return input(form ?? empty)
        }
        if (trusted && session && cookies !== null && cookies.access === null) await renew()
        const ending = await once(operation, decode)
        // A cookie that does not hold is nobody's. Who is nobody is turned away before anything is read or done, so it may be tried again.
        // A proof that is too old is somebody's, and no newer in the next access token.
        const isTurnedAway = !ending.ok && ending.problem.code === "UNAUTHENTICATED" && !needsFreshProof(ending.problem)
        if (!isTurnedAway || !session || cookies?.access == null || effect !== null) return ending
        await renew()
        return once(operation, decode)
      },
      refuse: (problem) => once("", () => ({}), problem),
    }
  }
}
