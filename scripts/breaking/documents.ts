/** The documents that a release promises, and where the last one's are kept: `api/baseline/` of the project. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { toJsonString } from "@bufbuild/protobuf"
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt"
import { printSchema } from "graphql"
import { schemaOf } from "../../src/api/graphql/schema.ts"
import { fileOf } from "../../src/api/grpc/descriptors.ts"
import { describe } from "../../src/api/grpc/messages.ts"
import { toolsText } from "../../src/api/mcp/listing.ts"
import { openApiDocument } from "../../src/api/rest/openapi.ts"
import { wsdlText } from "../../src/api/soap/wsdl.ts"
import { asyncApiDocument } from "../../src/asyncapi.ts"
import type { Registry } from "../../src/core/registry.ts"
import { project } from "../local.ts"
import type { Documents } from "./compare.ts"

/** File names in the baseline, by what is compared. The .proto is kept as its descriptor: it has the numbers, and needs no parser. */
const files = {
  "openapi.json": "openapi.json",
  "schema.graphql": "schema.graphql",
  "api.proto": "descriptor.json",
  "api.wsdl": "api.wsdl",
  "tools.json": "tools.json",
  "asyncapi.json": "asyncapi.json",
} as const

const folder = join(project, "api/baseline")

/** What is declared now. Without a proto lock there is no gRPC, and nothing of it is promised. */
export function documentsOf(registry: Registry): Documents {
  const { protoLock } = registry
  return new Map([
    ["openapi.json", JSON.stringify(openApiDocument(registry))],
    ["schema.graphql", printSchema(schemaOf(registry))],
    ...(protoLock === null
      ? []
      : [["api.proto", toJsonString(FileDescriptorProtoSchema, fileOf(describe(registry), protoLock))] as const]),
    ["api.wsdl", wsdlText(registry, "https://selvage.invalid/soap")],
    ["tools.json", toolsText(registry).trimEnd()],
    ["asyncapi.json", JSON.stringify(asyncApiDocument(registry))],
  ])
}

/** What the last release promised; null before the first. */
export function baseline(): Documents | null {
  if (!existsSync(folder)) return null
  const found = Object.entries(files).filter(([, file]) => existsSync(join(folder, file)))
  return new Map(
    found.map(([artefact, file]) => [
      artefact as keyof typeof files,
      readFileSync(join(folder, file), "utf8").trimEnd(),
    ]),
  )
}

/** Keeps what is promised from now on. Gives the paths. */
export function keepBaseline(documents: Documents): readonly string[] {
  mkdirSync(folder, { recursive: true })
  return [...documents].map(([artefact, text]) => {
    const path = join(folder, files[artefact])
    writeFileSync(path, `${text}\n`)
    return path
  })
}
