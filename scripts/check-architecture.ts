/**
 * Checks what the linter cannot see: which folder may import which, that core stays pure, and that no note or skipped test is left.
 * Ceilings, console, node: imports and the form of the zod import are rules of .biome.json.
 */
import { globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { type ESTree, parseSync, Visitor } from "rolldown/utils"
import { root } from "./local.ts"

/** The folders (and files beside them) of src, and what each may import of ours besides itself. */
const directions: Readonly<Record<string, readonly string[] | "everything">> = {
  core: [],
  authorization: ["core"],
  database: ["core", "authorization"],
  authentication: ["core", "database"],
  // Both judge live deliveries in memory, by the same policies.
  user: ["core", "authorization", "database"],
  feed: ["core", "authorization", "database"],
  log: ["core", "authorization", "database"],
  jobs: ["core", "database"],
  server: ["core", "database"],
  usage: ["core", "database"],
  api: ["core"],
  integrations: ["core"],
  observability: ["core"],
  app: ["selvage"],
  "config.ts": ["core"],
  "selvage.ts": ["core", "database", "authentication", "integrations", "jobs"],
  "app.ts": "everything",
  "asyncapi.ts": "everything",
  "caches.ts": "everything",
  "declared-secrets.ts": "everything",
  "doors.ts": "everything",
  "misconfigured.ts": "everything",
  "routing.ts": "everything",
  "engine.ts": "everything",
  "world.ts": "everything",
  "live.ts": "everything",
  "oauth.ts": "everything",
  "worker.ts": "everything",
  "index.ts": "everything",
}

/** The packages that core may import; the app declares its columns with them too. */
const pure = /^(zod|drizzle-orm(\/sqlite-core)?)$/

/** Names whose use in core would make its answer depend on more than its arguments. */
const impure = new Set([
  "Date.now",
  "Math.random",
  "performance.now",
  "crypto",
  "fetch",
  "caches",
  "setTimeout",
  "setInterval",
])

interface Source {
  /** Path from the top of the repository. */
  readonly path: string
  readonly text: string
  readonly parsed: ReturnType<typeof parseSync>
}

const problems: string[] = []

function complain(source: Source, offset: number, sentence: string): void {
  problems.push(`${source.path}:${source.text.slice(0, offset).split("\n").length} ${sentence}`)
}

/** `src/api/rest/door.ts` -> `api`; `src/app.ts` -> `app.ts`. */
function chapterOf(path: string): string {
  return path.split("/")[1] ?? ""
}

function importsOf(source: Source): { specifier: string; offset: number }[] {
  const { staticImports, staticExports, dynamicImports } = source.parsed.module
  const fromExports = staticExports.flatMap((one) => one.entries.flatMap((entry) => entry.moduleRequest ?? []))
  const fromCalls = dynamicImports.flatMap(({ moduleRequest: { start, end } }) => {
    const literal = /^["'`](.*)["'`]$/.exec(source.text.slice(start, end))?.[1]
    return literal === undefined ? [] : [{ value: literal, start }]
  })
  return [...staticImports.map((one) => one.moduleRequest), ...fromExports, ...fromCalls].map((one) => ({
    specifier: one.value,
    offset: one.start,
  }))
}

function checkDirections(source: Source): void {
  const chapter = chapterOf(source.path)
  const allowed = directions[chapter]
  if (!allowed) {
    complain(source, 0, `${chapter} is not a chapter of src; scripts/check-architecture.ts lists them`)
    return
  }
  if (allowed === "everything") return
  for (const { specifier, offset } of importsOf(source)) {
    if (!specifier.startsWith(".")) {
      checkPackage(source, chapter, specifier, offset)
      continue
    }
    const target = join(dirname(source.path), specifier)
    const other = chapterOf(target)
    if (other !== chapter && !allowed.includes(other)) {
      const names = allowed.length > 0 ? `only ${allowed.join(" and ")}` : "nothing of ours"
      complain(source, offset, `${chapter} imports ${other} (${specifier}); it may import ${names}`)
    }
    if (chapter === "api" && other === "api" && doorOf(target) !== doorOf(source.path)) {
      complain(
        source,
        offset,
        `the ${doorOf(source.path)} door imports the ${doorOf(target)} door; doors share through core`,
      )
    }
  }
}

function doorOf(path: string): string {
  return path.split("/")[2] ?? ""
}

function checkPackage(source: Source, chapter: string, specifier: string, offset: number): void {
  const name = specifier.split("/")[0] as string
  if (name === "selvage" && chapter !== "app") {
    complain(source, offset, "only src/app imports the package by its own name")
  }
  if (chapter === "core" && !pure.test(specifier))
    complain(source, offset, `core imports ${specifier}; it may import zod and drizzle-orm`)
  if (chapter === "app" && specifier !== "selvage" && !pure.test(specifier)) {
    complain(source, offset, `the app imports ${specifier}; it may import selvage, zod and drizzle-orm`)
  }
}

/** Core takes the time, randomness and the world as arguments. Reading a given date (`new Date(text)`) is pure. */
function checkPurity(source: Source): void {
  const report = (node: { start: number }, name: string) =>
    complain(source, node.start, `core uses ${name}; take what it gives as an argument`)
  new Visitor({
    NewExpression(node: ESTree.NewExpression) {
      if (node.callee.type === "Identifier" && node.callee.name === "Date" && node.arguments.length === 0)
        report(node, "new Date()")
    },
    CallExpression(node: ESTree.CallExpression) {
      if (node.callee.type === "Identifier" && impure.has(node.callee.name)) report(node, node.callee.name)
    },
    MemberExpression(node: ESTree.MemberExpression) {
      if (node.object.type !== "Identifier" || node.computed || node.property.type !== "Identifier") return
      const name = node.object.name === "globalThis" ? node.property.name : `${node.object.name}.${node.property.name}`
      if (impure.has(name) || impure.has(node.object.name)) report(node, name)
    },
  }).visit(source.parsed.program)
}

/** Words that promise work for later belong into the tracker, and a ceiling is not lifted in passing. */
function checkNotes(source: Source): void {
  for (const comment of source.parsed.comments) {
    const note =
      /\b(TODO|FIXME|XXX|HACK)\b|biome-ignore\S* lint\/(style\/noExc|complexity\/noExc|style\/noRestricted|suspicious\/noConsole)|@ts-(ignore|nocheck)/
    const found = note.exec(comment.value)
    if (found) complain(source, comment.start, `a comment says ${found[0]}`)
  }
}

function checkTests(source: Source): void {
  const found = /\b(?:it|test|describe)\.(?:skip|only|todo|skipIf|runIf|fails)\b/.exec(source.text)
  if (found) complain(source, found.index, `${found[0]}: every test runs, and has to pass`)
}

function read(path: string): Source {
  const text = readFileSync(join(root, path), "utf8")
  return { path, text, parsed: parseSync(path, text) }
}

const files = globSync("{src,scripts,tests,bench,examples}/**/*.ts", {
  cwd: root,
  exclude: ["**/node_modules/**"],
}).sort()
for (const source of files.map(read)) {
  if (source.path.startsWith("src/") && !source.path.endsWith(".config.ts")) checkDirections(source)
  if (source.path.startsWith("src/core/")) checkPurity(source)
  if (/^(examples\/[^/]+\/)?tests\//.test(source.path)) checkTests(source)
  checkNotes(source)
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
else console.log(`${files.length} files keep the directions.`)
