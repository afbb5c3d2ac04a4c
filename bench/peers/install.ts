/** Peers are big and nothing else needs them: each is a project of its own with a lock file, installed when the comparison first runs. */
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/**
 * Installs exactly what the lock file of a folder says, unless that stands there already. Scripts of packages are not run.
 * Throws with what npm said.
 */
export function install(folder: string): void {
  const lock = readFileSync(join(folder, "package-lock.json"), "utf8")
  const mark = join(folder, "node_modules/.installed-from")
  if (existsSync(mark) && readFileSync(mark, "utf8") === lock) return
  console.error(`npm ci --prefix ${folder} (once)`)
  const options = ["ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"]
  const { status, stdout, stderr } = spawnSync("npm", options, { cwd: folder, encoding: "utf8" })
  if (status !== 0) throw new Error(`npm ci in ${folder} failed:\n${stdout}${stderr}`)
  writeFileSync(mark, lock)
}

/** The version of a package that a folder's node_modules holds. */
export function installedVersion(folder: string, name: string): string {
  return JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8")).version
}
