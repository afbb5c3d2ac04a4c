/**
 * `npm run check:breaking`: compares what is declared now with what the last release promised (api/baseline). What breaks is refused unless it stands in
 * api/breaking.json, and what stands there and breaks nothing is refused, too. `npm run release:baseline` makes what there is now the promise.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { registryOf } from "../src/app.ts"
import { breaksBetween, type Declaration, declarations, judge } from "./breaking/compare.ts"
import { baseline, documentsOf, keepBaseline } from "./breaking/documents.ts"
import { declaration } from "./declared.ts"
import { project, run, Stop } from "./local.ts"

const path = join(project, "api/breaking.json")

function declared(): readonly Declaration[] {
  if (!existsSync(path)) return []
  const read = declarations.safeParse(JSON.parse(readFileSync(path, "utf8")))
  if (read.success) return read.data
  const told = read.error.issues.map((issue) => `\n- /${issue.path.join("/")}: ${issue.message}`)
  throw new Stop(`api/breaking.json is not as it should be:${told.join("")}`)
}

const now = () => documentsOf(registryOf(declaration, { development: false }))

/** Fails with the list of what breaks. */
export function checkBreaking(): void {
  const before = baseline()
  if (before === null) throw new Stop("There is no api/baseline: run release:baseline once, and commit it.")
  const { undeclared, stale } = judge(breaksBetween(before, now()), declared())
  const lines = [
    ...undeclared.map(({ artefact, change }) => `breaks clients, undeclared: ${artefact}: ${change}`),
    ...stale.map(({ artefact, change }) => `declared, and breaks nothing: ${artefact}: ${change}`),
  ]
  if (lines.length === 0) return
  const cure =
    "Keep what was promised (a new operation, a version beside it: docs/versions.md), or declare each in api/breaking.json " +
    'as {"artefact", "change", "since", "reason"}.'
  throw new Stop([...lines, cure].join("\n"))
}

/** Makes the documents of now the promise, and forgets the breaks that were declared against the one before. */
export function releaseBaseline(): void {
  const written = keepBaseline(now())
  writeFileSync(path, "[]\n")
  console.log(
    `Kept ${written.map((one) => relative(project, one)).join(", ")}; emptied api/breaking.json. Commit them.`,
  )
}

if (import.meta.main) await run(process.argv.includes("--release") ? releaseBaseline : checkBreaking)
