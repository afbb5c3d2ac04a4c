/**
 * `npm run mutate`: small wrong edits, each of which must turn its named test red. The edits (tests/mutations/*.json) are made in copies of
 * the tree, never in the tree itself. Exits 1 when a mutant survives, when an edit no longer matches exactly once, or when a test is red
 * without any edit. `npm run mutate -- reads` takes one list, `-- reads 3` one edit of it.
 */
import { execFileSync, spawn } from "node:child_process"
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { root, run, Stop } from "./local.ts"

/** One wrong edit. */
interface Mutation {
  readonly file: string
  /** Text that stands exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** A test file, or the name of a test in the folder of tests that the list is named after. */
  readonly test: string
  /** The name of a test in that file; the whole file when left out. */
  readonly name?: string
  /** What goes wrong with it. */
  readonly why: string
}

interface Named extends Mutation {
  /** List and place in it: `reads 3`. */
  readonly id: string
}

type Outcome = "killed" | "hung" | "SURVIVED" | "NO MATCH" | "RED BEFORE" | "NO TEST"

/** A mutant that makes a loop endless counts as seen. */
const timeoutMilliseconds = 120_000
const workers = 2

/** Folders in which the tests of a list stand, for lists that name their tests without a file. */
const folders: Readonly<Record<string, string>> = {
  authorization: "tests/authorization",
  reads: "tests/database",
  writes: "tests/database",
  core: "tests/core",
}

function readLists(wanted: readonly string[]): Named[] {
  const [list, place] = wanted
  const found = globSync("tests/mutations/*.json", { cwd: root })
    .sort()
    .flatMap((path) => {
      const mutations = JSON.parse(readFileSync(join(root, path), "utf8")) as Mutation[]
      return mutations.map((mutation, n): Named => ({ ...mutation, id: `${basename(path, ".json")} ${n + 1}` }))
    })
  const chosen = found.filter((one) => list === undefined || one.id === `${list} ${place ?? one.id.split(" ")[1]}`)
  if (chosen.length === 0) throw new Stop(`No mutations are called ${wanted.join(" ")}`)
  return chosen
}

/** Folders and processes to be gone when the script is stopped. */
const copies = new Set<string>()
const running = new Set<number>()

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    for (const pid of running) process.kill(-pid, "SIGKILL")
    for (const copy of copies) rmSync(copy, { recursive: true, force: true })
    process.exit(1)
  })
}

/** A copy of what git knows or would take, with the installed packages of the tree. */
function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), "selvage-mutant-"))
  copies.add(copy)
  const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], {
    cwd: root,
    encoding: "utf8",
  }).split("\0")
  // In a second working tree, the packages are a link.
  for (const file of new Set(files.filter((name) => name !== "" && name !== "node_modules"))) {
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    try {
      cpSync(join(root, file), join(copy, file))
    } catch (error) {
      // Deleted in the tree, not yet in the index.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
    }
  }
  for (const name of ["node_modules", "assets"]) symlinkSync(join(root, name), join(copy, name))
  return copy
}

/** Where the test of a mutation stands, and its name when only one is to run. */
function targetOf(mutation: Named): { path: string; name: string | null } {
  if (mutation.test.endsWith(".test.ts")) return { path: mutation.test, name: mutation.name ?? null }
  return { path: folders[mutation.id.split(" ")[0] as string] ?? "tests", name: mutation.test }
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
}

/** Runs one test in a copy. */
async function runTest(copy: string, mutation: Named): Promise<"green" | "red" | "hung" | "none"> {
  const { path, name } = targetOf(mutation)
  const report = join(copy, "mutant.json")
  rmSync(report, { force: true })
  const projects = path.startsWith("tests/node") ? ["node", "slow-node"] : ["worker", "slow"]
  const options = [
    "--config",
    "tests/vitest.config.ts",
    ...projects.flatMap((project) => ["--project", project]),
    "--reporter=json",
    `--outputFile=${report}`,
    "--bail=1",
  ]
  const chosen = name === null ? [] : ["-t", escapePattern(name)]
  const vitest = join(root, "node_modules/vitest/vitest.mjs")
  const child = spawn(join(root, "node_modules/.bin/node"), [vitest, "run", ...options, ...chosen, path], {
    cwd: copy,
    stdio: "ignore",
    detached: true,
  })
  const pid = child.pid as number
  running.add(pid)
  const timer = setTimeout(() => process.kill(-pid, "SIGKILL"), timeoutMilliseconds)
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on("close", (...end) => resolve(end)),
  )
  clearTimeout(timer)
  running.delete(pid)
  if (signal !== null) return "hung"
  if (code !== 0) return "red"
  const { numPassedTests } = JSON.parse(readFileSync(report, "utf8")) as { numPassedTests: number }
  return numPassedTests > 0 ? "green" : "none"
}

/** Each test must be green without an edit, once: a red one would call every mutant killed. */
function baseline() {
  const known = new Map<string, Promise<"green" | "red" | "hung" | "none">>()
  return (copy: string, mutation: Named) => {
    const key = JSON.stringify(targetOf(mutation))
    const found = known.get(key) ?? runTest(copy, mutation)
    known.set(key, found)
    return found
  }
}

async function tryMutation(copy: string, mutation: Named, before: ReturnType<typeof baseline>): Promise<Outcome> {
  const path = join(copy, mutation.file)
  const text = readFileSync(path, "utf8")
  if (text.split(mutation.find).length !== 2) return "NO MATCH"
  const first = await before(copy, mutation)
  if (first === "none") return "NO TEST"
  if (first !== "green") return "RED BEFORE"
  writeFileSync(
    path,
    text.replace(mutation.find, () => mutation.replace),
  )
  try {
    const result = await runTest(copy, mutation)
    return result === "red" ? "killed" : result === "hung" ? "hung" : "SURVIVED"
  } finally {
    writeFileSync(path, text)
  }
}

await run(async () => {
  const mutations = readLists(process.argv.slice(2))
  const begun = performance.now()
  const outcomes = new Map<Named, Outcome>()
  const before = baseline()
  const waiting = [...mutations]
  async function work(): Promise<void> {
    const copy = copyTree()
    try {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const outcome = await tryMutation(copy, next, before)
        outcomes.set(next, outcome)
        console.log(`${outcome.padEnd(10)} ${next.id.padEnd(18)} ${next.file.padEnd(38)} ${next.why}`)
      }
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  }
  await Promise.all(Array.from({ length: Math.min(workers, mutations.length) }, work))
  const bad = mutations.filter((mutation) => !["killed", "hung"].includes(outcomes.get(mutation) ?? ""))
  console.log(
    `\n${mutations.length - bad.length} of ${mutations.length} killed, in ${((performance.now() - begun) / 1000).toFixed(0)} s`,
  )
  if (bad.length > 0)
    throw new Stop(
      bad.map((one) => `${outcomes.get(one)}: ${one.id}, ${one.file}: ${one.find} -> ${one.replace}`).join("\n"),
    )
})
