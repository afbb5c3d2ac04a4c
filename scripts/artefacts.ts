/**
 * `npm run artefacts`: writes the documents that are generated from the registry; `--check` says which of them are out of date. In a project of one's own
 * that is the lock of field numbers alone: everything else is served, and the last release's is kept by `release:baseline`.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { schemaOf } from "../src/api/graphql/schema.ts"
import { schemaText } from "../src/api/graphql/sdl.ts"
import { emptyLock, extended } from "../src/api/grpc/lock.ts"
import { describe } from "../src/api/grpc/messages.ts"
import { protoText } from "../src/api/grpc/proto.ts"
import { toolsText } from "../src/api/mcp/listing.ts"
import { openApiDocument } from "../src/api/rest/openapi.ts"
import { wsdlText } from "../src/api/soap/wsdl.ts"
import { registryOf } from "../src/app.ts"
import { asyncApiDocument } from "../src/asyncapi.ts"
import { keptNames } from "../src/server/keys.ts"
import { declaration } from "./declared.ts"
import { project, root, run, Stop } from "./local.ts"

/** docs/stores.md with the table of names as src/server/keys.ts has them. */
function storesPage(): string {
  const cell = (text: string) => text.replaceAll("|", "\\|")
  const rows = keptNames.map(
    ({ binding, form, content, life, consistency }) =>
      `| \`${binding}\` | \`${form}\` | ${cell(content)} | ${cell(life)} | ${cell(consistency)} |`,
  )
  const table = ["| Binding | Name | Content | Kept | Consistency |", "|---|---|---|---|---|", ...rows].join("\n")
  const page = readFileSync(join(root, "docs/stores.md"), "utf8")
  const [before, rest = ""] = page.split("<!-- names -->\n")
  const after = rest.split("<!-- /names -->")[1]
  if (after === undefined)
    throw new Stop("docs/stores.md has no place for the names: <!-- names --> and <!-- /names -->")
  return `${before}<!-- names -->\n${table}\n<!-- /names -->${after}`
}

const lockPath = "src/app/proto.lock.json"

/** Every generated document by its path in the project, as production serves it. */
function documents(): ReadonlyMap<string, string> {
  const registry = registryOf(declaration, { development: false })
  const description = describe(registry)
  const lock = extended(registry.protoLock ?? emptyLock, description)
  const lockText = `${JSON.stringify(lock, null, 2)}\n`
  if (project !== root) return new Map([[lockPath, lockText]])
  return new Map([
    ["src/api/rest/openapi.json", `${JSON.stringify(openApiDocument(registry), null, 2)}\n`],
    ["src/api/websocket/asyncapi.json", `${JSON.stringify(asyncApiDocument(registry), null, 2)}\n`],
    ["docs/stores.md", storesPage()],
    [lockPath, lockText],
    ["src/api/grpc/api.proto", protoText(description, lock)],
    ["src/api/graphql/schema.graphql", schemaText(schemaOf(registry))],
    ["src/api/mcp/tools.json", toolsText(registry)],
    // Served with the origin that was asked.
    ["src/api/soap/api.wsdl", wsdlText(registry, "https://selvage.invalid/soap")],
  ])
}

/** Writes what is out of date, or with `--check` names it. */
export function artefacts(): void {
  const stale: string[] = []
  for (const [path, text] of documents()) {
    const file = join(project, path)
    if (existsSync(file) && readFileSync(file, "utf8") === text) continue
    if (process.argv.includes("--check")) stale.push(path)
    else writeFileSync(file, text)
  }
  if (stale.length > 0) throw new Stop(`Out of date: ${stale.join(", ")}. Run: npm run artefacts`)
  if (declaration.protoLock === undefined)
    throw new Stop(
      `Wrote ${lockPath}, and nothing reads it: import it and give it to app({ protoLock }), or there is no door for Connect and gRPC-Web.`,
    )
}

if (import.meta.main) await run(artefacts)
