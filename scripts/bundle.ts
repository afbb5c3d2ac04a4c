/** The Worker as it would be uploaded: built by wrangler into a folder, and what Miniflare needs to run it from there. */
import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { placeAssets } from "./assets.ts"
import { root, Stop, wranglerPath } from "./local.ts"

/** A module as Miniflare takes it. */
export interface Module {
  readonly type: "ESModule" | "CompiledWasm"
  readonly path: string
}

/** A Worker for callers by the thousand a second: a main module for `buildBundle`. */
export const hastyMain = join(root, "bench/hasty/index.ts")

/**
 * Builds what would be uploaded.
 * @param options of wrangler; another main module stands first
 * @returns path of the main module; the WebAssembly that it imports stands beside it
 */
export function buildBundle(folder: string, ...options: readonly string[]): string {
  placeAssets()
  const args = [wranglerPath(), "deploy", "--dry-run", "--outdir", folder, ...options]
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" }
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, env, encoding: "utf8" })
  if (status !== 0) throw new Stop(`The Worker cannot be built:\n${stdout}${stderr}`)
  return join(folder, "index.js")
}

/** Modules that are given, the main one first, and the WebAssembly beside them. */
export function bundleModules(...paths: readonly [string, ...string[]]): readonly Module[] {
  const folder = dirname(paths[0])
  const wasm = readdirSync(folder).filter((name) => name.endsWith(".wasm"))
  return [
    ...paths.map((path) => ({ type: "ESModule" as const, path })),
    ...wasm.map((name) => ({ type: "CompiledWasm" as const, path: join(folder, name) })),
  ]
}
