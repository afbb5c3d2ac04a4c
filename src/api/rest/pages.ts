/** The pages beside the operations: the document, the page that shows it, health, and where to start. None of them asks who calls. */
import type { Context } from "hono"
import { arrivalOf } from "../../core/arrival.ts"
import { allowOrigin } from "../../core/cors.ts"
import { documentAnswer, documentKeeper, writtenOnce } from "../../core/document.ts"
import { securityHeaders } from "../../core/security-headers.ts"
import { docsAnswer, startAnswer, startPath } from "./docs.ts"
import { liveAnswer, readyAnswer } from "./health.ts"
import { type Mounting, mountRefusals } from "./mounting.ts"
import { openApiDocument } from "./openapi.ts"

function mountPage(mounting: Mounting, path: string, answer: (request: Request) => Response | Promise<Response>): void {
  mounting.app.get(path, (c: Context) => answer(c.req.raw))
  mountRefusals(mounting, path, ["GET"], ["GET", "HEAD", "OPTIONS"])
}

function mountDocument(mounting: Mounting): void {
  const { registry, ports, settings } = mounting
  const document = documentKeeper(
    writtenOnce(() => JSON.stringify(openApiDocument(registry))),
    ports.hash,
  )
  const type = "application/json; charset=utf-8"
  // Whoever develops wants to see what they just wrote.
  const cacheControl = settings.development ? "no-cache" : "public, max-age=300, stale-while-revalidate=3600"
  mountPage(mounting, "/openapi.json", async (request) => {
    const answer = documentAnswer(request, await document(), { type, cacheControl })
    answer.headers.set("Vary", "Origin")
    allowOrigin(answer.headers, mounting.readWire(request, { route: null }).origin)
    return answer
  })
}

/** The key set changes when keys turn: those who verify ask again within minutes (RFC 7517 §5). */
function mountKeySet(mounting: Mounting): void {
  const { ports, readWire, jwks } = mounting
  const document = documentKeeper(async () => JSON.stringify(await jwks()), ports.hash)
  const options = { type: "application/jwk-set+json", cacheControl: "public, max-age=300" }
  mountPage(mounting, "/.well-known/jwks.json", async (request) => {
    await ports.limitAddress(readWire(request, { route: null }).credentials.address)
    return documentAnswer(request, await document(), options)
  })
}

/** What stands at the root: in development the documentation, otherwise the addresses of what describes the interface. */
function rootAnswer({ registry, settings }: Mounting): Response {
  const headers = { ...securityHeaders, "Cache-Control": "no-cache" }
  if (settings.development) return new Response(null, { status: 302, headers: { ...headers, Location: "/docs" } })
  const { title, version } = registry
  const links = { documentation: "/docs", openapi: "/openapi.json", health: "/health/ready" }
  const body = JSON.stringify({ title, version, links })
  return new Response(body, { headers: { ...headers, "Content-Type": "application/json; charset=utf-8" } })
}

/** Mounts the pages. */
export function mountPages(mounting: Mounting): void {
  const { registry, ports, readWire, settings, assets, health } = mounting
  const requestId = (request: Request) => arrivalOf(request, settings.requestId).requestId
  mountDocument(mounting)
  mountPage(mounting, "/", () => rootAnswer(mounting))
  mountPage(mounting, "/docs", () => docsAnswer(registry.title))
  mountPage(mounting, startPath, () => startAnswer())
  mountPage(mounting, "/health/live", (request) => liveAnswer(requestId(request)))
  mountPage(mounting, "/health/ready", async (request) => {
    // The one page that costs I/O.
    await ports.limitAddress(readWire(request, { route: null }).credentials.address)
    return readyAnswer(health, requestId(request))
  })
  mountKeySet(mounting)
  if (assets === null) return
  mountPage(mounting, "/_docs/:file", async (request) => {
    const asset = await assets(request)
    const answer = new Response(asset.body, asset)
    for (const [name, value] of Object.entries(securityHeaders)) answer.headers.set(name, value)
    return answer
  })
}
