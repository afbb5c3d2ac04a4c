/** The pages beside the operations: the document, the page that shows it, health, and where to start. None of them asks who calls. */
import type { Context } from "hono"
import { arrivalOf } from "../../core/arrival.ts"
import { securityHeaders } from "../../core/security-headers.ts"
import { isUnchanged } from "./conditions.ts"
import { docsAnswer, startAnswer, startPath } from "./docs.ts"
import { allowOrigin } from "./headers.ts"
import { liveAnswer, readyAnswer } from "./health.ts"
import { type Mounting, mountRefusals } from "./mounting.ts"
import { openApiDocument } from "./openapi.ts"

/** The document as text with its tag: written when it is first asked for, kept for the isolate. */
function documentKeeper({ registry, ports }: Mounting): () => Promise<{ readonly text: string; readonly tag: string }> {
  let kept: Promise<{ text: string; tag: string }> | null = null
  const write = async () => {
    const text = JSON.stringify(openApiDocument(registry))
    return { text, tag: `"${(await ports.hash(text)).slice(0, 32)}"` }
  }
  return () => {
    kept ??= write().catch((fault) => {
      kept = null
      throw fault
    })
    return kept
  }
}

function mountPage(mounting: Mounting, path: string, answer: (request: Request) => Response | Promise<Response>): void {
  mounting.app.get(path, (c: Context) => answer(c.req.raw))
  mountRefusals(mounting, path, ["GET"], ["GET", "HEAD", "OPTIONS"])
}

function mountDocument(mounting: Mounting): void {
  const document = documentKeeper(mounting)
  mountPage(mounting, "/openapi.json", async (request) => {
    const { text, tag } = await document()
    const headers = new Headers({ ...securityHeaders, "Cache-Control": "no-cache", ETag: tag, Vary: "Origin" })
    allowOrigin(headers, mounting.readWire(request, { route: null }).origin)
    if (isUnchanged(request.headers.get("if-none-match"), tag)) return new Response(null, { status: 304, headers })
    headers.set("Content-Type", "application/json; charset=utf-8")
    return new Response(text, { headers })
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
  mountPage(mounting, "/.well-known/jwks.json", async (request) => {
    await ports.limitAddress(readWire(request, { route: null }).credentials.address)
    const headers = {
      ...securityHeaders,
      "Cache-Control": "public, max-age=300",
      "Content-Type": "application/jwk-set+json",
    }
    return new Response(JSON.stringify(await mounting.jwks()), { headers })
  })
  if (assets === null) return
  mountPage(mounting, "/_docs/:file", async (request) => {
    const asset = await assets(request)
    const answer = new Response(asset.body, asset)
    for (const [name, value] of Object.entries(securityHeaders)) answer.headers.set(name, value)
    return answer
  })
}
