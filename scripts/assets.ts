/** Places what the Worker serves as static assets: the script of the documentation page. Runs after every install. */
import { copyFileSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./local.ts"

const headers = `/_docs/*
  Cache-Control: public, max-age=3600
  Cross-Origin-Resource-Policy: same-origin
  X-Content-Type-Options: nosniff
`

/** Copies the bundle when it is missing or another version. */
export function placeAssets(): void {
  const source = join(root, "node_modules/@scalar/api-reference/dist/browser/standalone.js")
  const target = join(root, "assets/_docs/scalar.js")
  mkdirSync(join(root, "assets/_docs"), { recursive: true })
  writeFileSync(join(root, "assets/_headers"), headers)
  if (!existsSync(target) || statSync(target).size !== statSync(source).size) copyFileSync(source, target)
}

if (import.meta.main) placeAssets()
