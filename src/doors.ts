/**
 * The doors beside REST, the socket and the pages: each is loaded by its first call, so that an isolate pays for what it serves. Each can be switched
 * off (`DOORS_OFF`), or left out of what is uploaded (`WITHOUT_…`). REST answers at the address of such a one as at any other where nothing stands.
 */
import type { doorNames } from "./config.ts"
import { allowOrigin, allowRequest } from "./core/cors.ts"
import type { Arrival, Call } from "./core/door.ts"
import type { LimitedCaller } from "./core/limit-places.ts"
import type { LiveConnection } from "./core/live-connection.ts"
import type { Credentials } from "./core/ports.ts"
import type { Principal } from "./core/principal.ts"
import type { Registry } from "./core/registry.ts"
import { securityHeaders } from "./core/security-headers.ts"
import { packageOf } from "./core/type-name.ts"
import { misconfigured } from "./misconfigured.ts"

/** What these doors need of the world. */
export interface DoorOptions {
  readonly registry: Registry
  readonly call: Call
  /**
   * Limits an address and says who calls, for a door that lets in before it knows what is called.
   * @throws Problem RESOURCE_EXHAUSTED, UNAUTHENTICATED, UNAVAILABLE
   */
  admit(credentials: Credentials): Promise<Principal>
  /**
   * Opens a connection to the live object of whoever was let in: counted, refused and told to the operator as one at `/ws`.
   * @throws Problem RESOURCE_EXHAUSTED, PERMISSION_DENIED, UNAUTHENTICATED, UNAVAILABLE
   */
  live(caller: LimitedCaller, arrival: Arrival): Promise<LiveConnection>
  readonly corsOrigins: readonly string[]
  requestId(): string
  /** Our origin. */
  readonly origin: string
  /** Whether doors describe themselves to anybody: development does. */
  readonly introspection: boolean
  /** Texts of persisted queries. */
  readonly queries: {
    get(hash: string): Promise<string | null>
    put(hash: string, text: string): void
    hash(text: string): Promise<string>
  }
  /** SHA-256 of text, hex. */
  hash(text: string): Promise<string>
  /** Tells the operator of what the caller is not to know. */
  tell(where: string, cause: unknown): void
  /** Keeps work alive that goes on behind an answer. */
  behind(work: Promise<unknown>): void
}

type Handler = (request: Request) => Promise<Response>

const methods = "GET, POST, OPTIONS"

/** What scripts of listed origins are allowed, over a door that knows nothing of it. */
function crossOrigin(corsOrigins: readonly string[], handle: Handler): Handler {
  return async (request) => {
    const named = request.headers.get("origin")
    const origin = named !== null && corsOrigins.includes(named) ? named : null
    if (origin !== null && request.method === "OPTIONS" && request.headers.has("access-control-request-method")) {
      const headers = new Headers({ ...securityHeaders, Allow: methods, Vary: "Origin" })
      allowRequest(headers, origin, methods)
      return new Response(null, { status: 204, headers })
    }
    const answer = await handle(request)
    // Where no origin is listed nothing depends on it; a socket has no headers to read.
    if (corsOrigins.length === 0 || answer.webSocket) return answer
    // In place: another answer around the body would be compressed once more.
    answer.headers.append("Vary", "Origin")
    allowOrigin(answer.headers, origin)
    return answer
  }
}

interface Loaded {
  /** Whether a path is this door's. */
  serves(path: string, options: Pick<DoorOptions, "registry" | "introspection">): boolean
  load(options: DoorOptions): Promise<Handler>
}

/** A path, and everything below it. */
const below = (root: string, path: string) => path === root || path.startsWith(`${root}/`)

/** Constants of the build: `define` of wrangler.toml puts true in their place, and the bundler leaves out what can no longer be reached. */
declare const WITHOUT_GRAPHQL: true | undefined
declare const WITHOUT_GRPC: true | undefined
declare const WITHOUT_MCP: true | undefined
declare const WITHOUT_SOAP: true | undefined

const doors = {
  graphql:
    typeof WITHOUT_GRAPHQL === "undefined"
      ? {
          serves: (path, { introspection }) => below("/graphql", path) || (introspection && path === "/schema.graphql"),
          load: async (options) => (await import("./api/graphql/index.ts")).graphqlDoor(options),
        }
      : null,
  grpc:
    typeof WITHOUT_GRPC === "undefined"
      ? {
          serves: (path, { registry: { protoLock, title } }) =>
            protoLock !== null &&
            (path.startsWith(`/${packageOf(title)}.`) || path === "/api.proto" || path === "/api.binpb"),
          load: async (options) => (await import("./api/grpc/index.ts")).grpcDoor(options),
        }
      : null,
  mcp:
    typeof WITHOUT_MCP === "undefined"
      ? {
          serves: (path) => below("/mcp", path) || path === "/tools.json",
          load: async (options) => (await import("./api/mcp/index.ts")).mcpDoor(options),
        }
      : null,
  soap:
    typeof WITHOUT_SOAP === "undefined"
      ? {
          serves: (path) => below("/soap", path),
          load: async (options) => (await import("./api/soap/index.ts")).soapDoor(options),
        }
      : null,
} satisfies Record<Exclude<(typeof doorNames)[number], "websocket">, Loaded | null>

/**
 * Whether a door answers.
 * @param off names of those that are switched off
 */
export function isServed(name: keyof typeof doors, off: readonly string[]): boolean {
  return doors[name] !== null && !off.includes(name)
}

function pathOf({ url }: Request): string {
  const from = url.indexOf("/", url.indexOf("//") + 2)
  const end = url.slice(from).search(/[?#]/)
  return from === -1 ? "/" : end === -1 ? url.slice(from) : url.slice(from, from + end)
}

/**
 * The doors of an isolate.
 * @param off names of those that are switched off
 * @returns null for a request that is for none of them
 */
export function laterDoors(
  options: DoorOptions,
  off: readonly string[],
): (request: Request) => Promise<Response> | null {
  const served = Object.entries<Loaded | null>(doors).flatMap(([name, door]) =>
    door === null || off.includes(name) ? [] : [[name, door] as const],
  )
  const loaded = new Map<string, Promise<Handler>>()
  const load = (name: string, door: Loaded): Promise<Handler> => {
    const known = loaded.get(name)
    if (known) return known
    const loading = door.load(options).then((handle) => crossOrigin(options.corsOrigins, handle))
    loaded.set(name, loading)
    // One that failed is tried again: what a first call met need not meet the second.
    loading.catch(() => loaded.delete(name))
    return loading
  }
  const unopened = (name: string, cause: unknown): Response => {
    options.tell(`door ${name}`, cause)
    // Where doors describe themselves, what is wrong with one may be told as well.
    const told = options.introspection && cause instanceof Error ? `: ${cause.message}` : ""
    return misconfigured(`The door ${name} cannot be opened${told || "; the log says why"}`)
  }
  return (request) => {
    const path = pathOf(request)
    const found = served.find(([, door]) => door.serves(path, options))
    if (!found) return null
    return load(...found).then(
      (handle) => handle(request),
      (cause) => unopened(found[0], cause),
    )
  }
}
