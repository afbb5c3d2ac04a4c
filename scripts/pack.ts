/**
 * `npm run pack [-- FOLDER]`: builds the package and packs it as npm would publish it, into dist/ or the folder. `npm pack` in the repository
 * itself is refused (`--refuse`, by the hook of package.json): its exports lead to sources, which no Node loads below node_modules.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join, relative, resolve } from "node:path"
import { buildPackage } from "./build.ts"
import { root, run, Stop } from "./local.ts"
import { tarballName } from "./manifest.ts"

/** Builds and packs. Gives the path of the tarball. */
export async function pack(folder = join(root, "dist")): Promise<string> {
  const built = await buildPackage()
  mkdirSync(folder, { recursive: true })
  const { status, stderr } = spawnSync("npm", ["pack", "--pack-destination", folder], { cwd: built, encoding: "utf8" })
  if (status !== 0) throw new Stop(`npm pack failed:\n${stderr}`)
  return join(folder, tarballName)
}

/** The hook. npm calls it before a script that is named pack, too. */
function refuse(): void {
  if (!/^run(-script)?$/.test(process.env.npm_command ?? ""))
    throw new Stop("The package is not the repository: `npm run pack` builds and packs it.")
}

if (import.meta.main)
  await run(async () => {
    const [folder] = process.argv.slice(2)
    if (folder === "--refuse") return refuse()
    console.log(relative(process.cwd(), await pack(folder === undefined ? undefined : resolve(folder))))
  })
