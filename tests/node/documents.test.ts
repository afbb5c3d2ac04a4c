/** The OpenAPI documents as others read them: Redocly's recommended rules find nothing, in the application's and in one with a mount. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import conduit from "../../examples/conduit/src/app/index.ts"
import { openApiDocument } from "../../src/api/rest/openapi.ts"
import application from "../../src/app/index.ts"
import { registryOf } from "../../src/app.ts"
import type { Application } from "../../src/core/registry.ts"
import { twoVersions } from "../versions/fixture.ts"

const bin = join(import.meta.dirname, "../../node_modules/.bin")
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "selvage-documents-"))
})
afterAll(() => rmSync(folder, { recursive: true }))

function lint(document: object): { readonly status: number | null; readonly told: string } {
  const file = join(folder, "openapi.json")
  writeFileSync(file, JSON.stringify(document))
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" }
  const args = [join(bin, "redocly"), "lint", "--extends=recommended", "--format=json", file]
  const { status, stdout, stderr } = spawnSync(join(bin, "node"), args, { cwd: folder, env, encoding: "utf8" })
  return { status, told: `${stdout}${stderr}` }
}

const documentOf = (given: Application) => openApiDocument(registryOf(given, { development: false }))

describe("Redocly", () => {
  test.each([
    ["the reference application", application],
    ["Conduit, which has a mount", conduit],
    ["the reference application in two versions, one of them deprecated", twoVersions],
  ])("finds nothing in the document of %s", (_, given) => {
    const { status, told } = lint(documentOf(given))
    expect(status, told).toBe(0)
    expect(told).toMatch(/"errors":\s*0/)
    expect(told).toMatch(/"warnings":\s*0/)
  })

  test("would find what is wrong", () => {
    const { status, told } = lint({
      ...documentOf(conduit),
      openapi: "3.1.0",
      paths: { "/x": { get: { responses: {} } } },
    })
    expect(status, told).not.toBe(0)
  })
})
