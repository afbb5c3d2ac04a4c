/** What the example may be: at most 600 lines, and nothing of the engine but what anybody may import. */
import { globSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"
import { expect, it } from "vitest"

const conduit = join(import.meta.dirname, "..")
const files = globSync("src/**/*", { cwd: conduit, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(conduit.length + 1))
  .sort()
const textOf = (file: string) => readFileSync(join(conduit, file), "utf8")

it("has at most 600 lines of source, none of them too long to read", () => {
  expect(files).toContain("src/app/seeds.ts")
  const lines = files.flatMap((file) => textOf(file).trimEnd().split("\n"))
  expect(lines.length).toBeLessThanOrEqual(600)
  expect(textOf("README.md")).toContain(`\n${lines.length} lines of source`)
  expect(lines.filter((line) => line.length > 145)).toEqual([])
})

it("imports selvage, selvage/worker, zod and its own files, and nothing else", () => {
  const packages = new Set<string>()
  for (const file of files) {
    expect(file).toMatch(/\.ts$/)
    for (const [, specifier = ""] of textOf(file).matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)) {
      if (specifier.startsWith(".")) expect(files).toContain(normalize(join(dirname(file), specifier)))
      else packages.add(specifier)
    }
  }
  expect([...packages].sort()).toEqual(["selvage", "selvage/worker", "zod"])
})
