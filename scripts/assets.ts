/** Places what the Worker serves as static assets: the script of the documentation page. Runs after every install. */
import { copyFileSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./local.ts"

const headers = `/_docs/*
  Cache-Control: public, max-age=3600
  Cross-Origin-Resource-Policy: same-origin
  X-Content-Type-Options: nosniff
`

/** Copies the bundle into a folder when it is missing there or another version. */
export function placeAssets(folder = join(root, "assets")): void {
  const source = join(root, "node_modules/@scalar/api-reference/dist/browser/standalone.js")
  const target = join(folder, "_docs/scalar.js")
  // The package has the bundle within and nothing to copy it from.
  if (!existsSync(source) && existsSync(target)) return
  mkdirSync(join(folder, "_docs"), { recursive: true })
  writeFileSync(join(folder, "_headers"), headers)
  if (!existsSync(target) || statSync(target).size !== statSync(source).size) copyFileSync(source, target)
}

if (import.meta.main) placeAssets()
