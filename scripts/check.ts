/** `npm run check`: everything that needs no tests to run. All checks run, so that one call shows all that is wrong. */
import { spawn } from "node:child_process"
import { join } from "node:path"
import { root } from "./local.ts"

const conduit = ["--project", "examples/conduit"]

const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["types of src", "tsc", "-p", "."],
  ["types of tests", "tsc", "-p", "tests"],
  ["types of scripts and bench", "tsc", "-p", "scripts"],
  ["types of the project template", "tsc", "-p", "templates/project"],
  ["types of the examples", "tsc", "-p", "examples"],
  ["types of their tests", "tsc", "-p", "examples/conduit/tests"],
  ["lint and format", "biome", "check", "--error-on-warnings"],
  ["architecture", "node", "scripts/check-architecture.ts"],
  ["migrations up to date", "node", "scripts/check-migrations.ts"],
  ["migrations of the template", "node", "scripts/check-migrations.ts", "--project", "templates/project"],
  ["Conduit's migrations up to date", "node", "scripts/check-migrations.ts", ...conduit],
  ["generated documents up to date", "node", "scripts/artefacts.ts", "--check"],
  ["lock of the template up to date", "node", "scripts/artefacts.ts", "--check", "--project", "templates/project"],
  ["nothing breaks that is not declared", "node", "scripts/check-breaking.ts"],
  ["indexes proven", "node", "--disable-warning=ExperimentalWarning", "scripts/check-indexes.ts"],
  ["Conduit's indexes proven", "node", "--disable-warning=ExperimentalWarning", "scripts/check-indexes.ts", ...conduit],
  ["coverage", "node", "scripts/check-coverage.ts"],
]

function execute(
  command: string,
  args: readonly string[],
): Promise<{ passed: boolean; output: string; seconds: number }> {
  const begun = performance.now()
  return new Promise((resolve) => {
    const child = spawn(join(root, "node_modules/.bin", command), args, { cwd: root })
    const chunks: Buffer[] = []
    child.stdout.on("data", (chunk) => chunks.push(chunk))
    child.stderr.on("data", (chunk) => chunks.push(chunk))
    child.on("error", (error) => chunks.push(Buffer.from(error.message)))
    child.on("close", (code) => {
      const seconds = (performance.now() - begun) / 1000
      resolve({ passed: code === 0, output: Buffer.concat(chunks).toString().trim(), seconds })
    })
  })
}

let failures = 0
const waiting = [...checks]
async function work(): Promise<void> {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [name, command, ...args] = next
    const { passed, output, seconds } = await execute(command, args)
    if (!passed) failures++
    console.log(`${passed ? "ok    " : "FAILED"}  ${name} (${seconds.toFixed(1)} s)${passed ? "" : `\n${output}\n`}`)
  }
}
await Promise.all([work(), work()])
if (failures > 0) process.exitCode = 1
