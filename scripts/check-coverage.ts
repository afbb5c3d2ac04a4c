/**
 * Checks how much of src the tests run, from what the last `npm test` measured. Runs the tests itself only where that is missing or older
 * than the code. The floor stands a little below what is covered: whoever adds code adds tests, or lowers it where everybody sees it.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { root, run, Stop } from "./local.ts"

/** Percent of each that must be covered. */
const floors = { lines: 96, statements: 95, functions: 96, branches: 90 } as const

const summaryPath = join(root, "coverage/coverage-summary.json")

/** True when nothing that the figures speak of has changed since. */
function isFresh(): boolean {
  if (!existsSync(summaryPath)) return false
  const measured = statSync(summaryPath).mtimeMs
  const options = { cwd: root, encoding: "utf8" } as const
  const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z", "src", "tests"], options).split(
    "\0",
  )
  return files.every(
    (file) => file === "" || (statSync(join(root, file), { throwIfNoEntry: false })?.mtimeMs ?? 0) <= measured,
  )
}

function measure(): void {
  const { status } = spawnSync("npm", ["test"], { cwd: root, stdio: "inherit" })
  if (status !== 0) throw new Stop("Tests fail, so their coverage says nothing.")
}

await run(() => {
  if (!isFresh()) measure()
  const { total } = JSON.parse(readFileSync(summaryPath, "utf8")) as {
    total: Record<keyof typeof floors, { pct: number }>
  }
  const told = Object.entries(floors).map(([kind, floor]) => {
    const { pct } = total[kind as keyof typeof floors]
    return { text: `${kind} ${pct} % (floor ${floor} %)`, isLow: pct < floor }
  })
  console.log(told.map((one) => one.text).join(", "))
  if (told.some((one) => one.isLow))
    throw new Stop("Less is covered than the floor asks for. If only some tests ran last, run `npm test` again.")
})
