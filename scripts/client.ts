/**
 * `npm run client [-- --out DIR]`: writes what typed clients are made of, from the declarations, without a Worker: `openapi.ts` for openapi-fetch, `api_pb.js` and its types
 * for Connect, `graphql.d.ts` for gql.tada. Each is written by its own project's generator, which the project has as a development dependency. docs/clients.md
 * shows the use.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { createRequire, registerHooks } from "node:module"
import { basename, dirname, join, relative, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import { CodeGeneratorRequestSchema, CodeGeneratorResponseSchema } from "@bufbuild/protobuf/wkt"
import { type IntrospectionQuery, introspectionFromSchema } from "graphql"
import { schemaOf } from "../src/api/graphql/schema.ts"
import { descriptorSetOf, fileOf } from "../src/api/grpc/descriptors.ts"
import { describe } from "../src/api/grpc/messages.ts"
import { openApiDocument } from "../src/api/rest/openapi.ts"
import { registryOf } from "../src/app.ts"
import type { Registry } from "../src/core/registry.ts"
import { declaration } from "./declared.ts"
import { project, projectRequire, run, Stop } from "./local.ts"

const generators = ["openapi-typescript", "@bufbuild/protoc-gen-es", "gql.tada"]

/** Finds what a generator brings; `Stop` with the cure when it is not installed. */
function toolPath(specifier: string, from: NodeJS.Require = projectRequire): string {
  try {
    return from.resolve(specifier)
  } catch {
    throw new Stop(
      `${specifier} is not installed. Clients are written by their own projects' generators:\n\n` +
        "  npm pkg set 'overrides.openapi-typescript.typescript=$typescript'\n" +
        `  npm install -D ${generators.join(" ")}\n`,
    )
  }
}

const requireOf = (specifier: string, from: NodeJS.Require = projectRequire) => createRequire(toolPath(specifier, from))

interface OpenApiTypescript {
  default(document: object): Promise<unknown>
  astToString(written: unknown): string
}

/**
 * Types of the REST interface. The generator prints by the JavaScript interface of TypeScript, which version 7 has no more: it is given the one that
 * protoc-gen-es brings for the same end.
 */
async function openApiTypes(registry: Registry): Promise<string> {
  const plugin = requireOf("@bufbuild/protoplugin", requireOf("@bufbuild/protoc-gen-es/package.json"))
  const typescript = toolPath("typescript", plugin)
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "typescript" && context.parentURL?.includes("/openapi-typescript/")
        ? next(typescript, context)
        : next(specifier, context),
  })
  try {
    const { default: write, astToString } = projectRequire(toolPath("openapi-typescript")) as OpenApiTypescript
    return astToString(await write(openApiDocument(registry)))
  } finally {
    hooks.deregister()
  }
}

/** Messages and services of Connect, as JavaScript that needs no compiler, and its types; nothing without a proto lock, since there is no gRPC then. */
function connectCode(registry: Registry): Readonly<Record<string, string>> {
  if (registry.protoLock === null) return {}
  const file = fileOf(describe(registry), registry.protoLock)
  const request = create(CodeGeneratorRequestSchema, {
    fileToGenerate: [file.name],
    parameter: "target=js+dts",
    protoFile: descriptorSetOf(file).file,
  })
  const program = join(dirname(toolPath("@bufbuild/protoc-gen-es/package.json")), "bin/protoc-gen-es")
  const input = toBinary(CodeGeneratorRequestSchema, request)
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], { input, maxBuffer: 256 * 1024 * 1024 })
  if (status !== 0) throw new Stop(`protoc-gen-es ended with ${status}:\n${stderr.toString()}`)
  const response = fromBinary(CodeGeneratorResponseSchema, stdout)
  if (response.error !== "") throw new Stop(`protoc-gen-es: ${response.error}`)
  return Object.fromEntries(response.file.map(({ name, content }) => [basename(name), content]))
}

interface Tada {
  minifyIntrospection(query: IntrospectionQuery): unknown
  outputIntrospectionFile(query: unknown, options: { fileType: ".d.ts"; shouldPreprocess: boolean }): string
}

/** What custom scalars are in JSON. */
const scalarTypes = `
/** What the scalars of the schema are in JSON, for \`initGraphQLTada<{ introspection: introspection; scalars: scalars }>()\`. */
export type scalars = {
  Base64: string
  BigInt: string
  Date: string
  DateTime: string
  JSON: unknown
  SafeInt: number
}
`

/** The schema of GraphQL as a type. */
async function graphqlTypes(registry: Registry): Promise<string> {
  const internal = toolPath("@gql.tada/internal", requireOf("gql.tada"))
  const { minifyIntrospection, outputIntrospectionFile } = (await import(pathToFileURL(internal).href)) as Tada
  const introspection = minifyIntrospection(introspectionFromSchema(schemaOf(registry)))
  return `${outputIntrospectionFile(introspection, { fileType: ".d.ts", shouldPreprocess: true }).trimEnd()}\n${scalarTypes}`
}

/** Writes all of them. */
export async function writeClients(): Promise<void> {
  const at = process.argv.indexOf("--out")
  const named = at === -1 ? "client" : process.argv[at + 1]
  if (named === undefined || named.startsWith("--")) throw new Stop("Say where: npm run client -- --out DIR")
  const folder = resolve(project, named)
  const registry = registryOf(declaration, { development: false })
  const files = {
    "openapi.ts": await openApiTypes(registry),
    ...connectCode(registry),
    "graphql.d.ts": await graphqlTypes(registry),
  }
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  if (registry.protoLock === null)
    console.log("Nothing for Connect: the application has no protoLock, so it serves no gRPC.")
  console.log(
    `Wrote ${Object.keys(files).join(", ")} to ${relative(process.cwd(), folder) || "."}. docs/clients.md shows their use.`,
  )
}

if (import.meta.main) await run(writeClients)
