/** `npm run artefacts`: writes the documents that are generated from the registry; `--check` says which of them are out of date. */
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
import application from "../src/app/index.ts"
import { registryOf } from "../src/app.ts"
import { asyncApiDocument } from "../src/asyncapi.ts"
import { keptNames } from "../src/server/keys.ts"
import { root, run, Stop } from "./local.ts"

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

/** Every generated document by its path in the repository, as production serves it. */
function artefacts(): ReadonlyMap<string, string> {
  const registry = registryOf(application, { development: false })
  const description = describe(registry)
  const lock = extended(registry.protoLock ?? emptyLock, description)
  return new Map([
    ["src/api/rest/openapi.json", `${JSON.stringify(openApiDocument(registry), null, 2)}\n`],
    ["src/api/websocket/asyncapi.json", `${JSON.stringify(asyncApiDocument(registry), null, 2)}\n`],
    ["docs/stores.md", storesPage()],
    ["src/app/proto.lock.json", `${JSON.stringify(lock, null, 2)}\n`],
    ["src/api/grpc/api.proto", protoText(description, lock)],
    ["src/api/graphql/schema.graphql", schemaText(schemaOf(registry))],
    ["src/api/mcp/tools.json", toolsText(registry)],
    // Served with the origin that was asked.
    ["src/api/soap/api.wsdl", wsdlText(registry, "https://selvage.invalid/soap")],
  ])
}

await run(() => {
  const stale: string[] = []
  for (const [path, text] of artefacts()) {
    const file = join(root, path)
    if (existsSync(file) && readFileSync(file, "utf8") === text) continue
    if (process.argv.includes("--check")) stale.push(path)
    else writeFileSync(file, text)
  }
  if (stale.length > 0) throw new Stop(`Out of date: ${stale.join(", ")}. Run: npm run artefacts`)
})
