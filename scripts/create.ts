/**
 * `npm run create -- DIR [--tarball FILE | --published]`: a project of one's own, from templates/project. It depends on the tarball that is
 * given, or on one packed now, which is copied into it; with `--published` on this version in the registry. Refuses a folder that holds
 * something, and a name that no Worker can have.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs"
import { basename, join, relative, resolve } from "node:path"
import { parseArgs } from "node:util"
import { root, run, Stop } from "./local.ts"
import { repository, versionOf } from "./manifest.ts"
import { pack } from "./pack.ts"

const template = join(root, "templates/project")

/** At the versions that this repository is tested with. */
const tools = [
  "@bufbuild/protoc-gen-es",
  "@cloudflare/vitest-plugin",
  "@cloudflare/workers-types",
  "drizzle-kit",
  "gql.tada",
  "node",
  "openapi-typescript",
  "typescript",
  "vitest",
  "wrangler",
]

/** The same names as here, so that every message that names a command is true there. */
const scripts = {
  start: "selvage start",
  test: "vitest run --config tests/vitest.config.ts",
  types: "tsc -p .",
  reset: "selvage reset",
  migrate: "selvage migrate",
  "migrate:new": "selvage migrate:new",
  "migrate:check": "selvage migrate:check",
  password: "selvage password",
  ring: "selvage ring",
  "admin:invite": "selvage admin:invite",
  "keys:rotate": "selvage keys:rotate",
  "audit:verify": "selvage audit:verify",
  client: "selvage client",
  artefacts: "selvage artefacts",
  "check:breaking": "selvage check:breaking",
  "release:baseline": "selvage release:baseline",
  deploy: "wrangler d1 migrations apply DB --remote && wrangler deploy",
}

/** What the Worker, its database and its issuer are called: the folder's name, as Cloudflare takes it. */
function nameOf(folder: string): string {
  const name = basename(folder)
  if (!/^[a-z][a-z0-9-]{0,53}[a-z0-9]$/.test(name))
    throw new Stop(
      `A Worker cannot be called "${name}": 2 to 55 lower case letters, digits and dashes, a letter first.`,
    )
  return name
}

function packageJson(name: string, selvage: string): object {
  const { allowScripts, overrides } = repository
  return {
    name,
    version: "0.0.0",
    private: true,
    type: "module",
    engines: repository.engines,
    scripts,
    dependencies: { selvage, zod: versionOf("zod") },
    devDependencies: Object.fromEntries(tools.map((tool) => [tool, versionOf(tool)])),
    overrides,
    allowScripts: Object.fromEntries(["node", "esbuild", "workerd"].map((tool) => [tool, allowScripts[tool] ?? false])),
  }
}

/**
 * Writes a project.
 * @param selvage the dependency as package.json takes it: a version, or a file of the project
 */
export function createProject(folder: string, selvage: string): void {
  const name = nameOf(folder)
  cpSync(template, folder, {
    recursive: true,
    filter: (path) => !/\/(\.wrangler|\.dev\.vars|node_modules)$/.test(path),
  })
  // npm leaves a .gitignore out of what it packs, so the template has none.
  renameSync(join(folder, "gitignore"), join(folder, ".gitignore"))
  copyFileSync(join(root, ".dev.vars.example"), join(folder, ".dev.vars.example"))
  const settings = join(folder, "wrangler.toml")
  const text = readFileSync(settings, "utf8")
  writeFileSync(settings, text.replaceAll('"notes"', `"${name}"`).replace("https://notes.", `https://${name}.`))
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(packageJson(name, selvage), null, 2)}\n`)
}

function refuseFull(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new Stop(`${folder} holds something already.`)
}

if (import.meta.main)
  await run(async () => {
    const options = { tarball: { type: "string" }, published: { type: "boolean" } } as const
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    const [named, ...more] = positionals
    if (named === undefined || more.length > 0) throw new Stop("Say where: npm run create -- DIR")
    if (values.tarball && values.published) throw new Stop("Either --tarball or --published")
    const folder = resolve(named)
    refuseFull(folder)
    nameOf(folder)
    let selvage = repository.version
    if (!values.published) {
      const tarball = values.tarball ? resolve(values.tarball) : await pack()
      if (!existsSync(tarball)) throw new Stop(`There is no ${tarball}.`)
      mkdirSync(folder, { recursive: true })
      copyFileSync(tarball, join(folder, basename(tarball)))
      selvage = `file:${basename(tarball)}`
    }
    createProject(folder, selvage)
    console.log(
      `Wrote a project. Next:\n\n  cd ${relative(process.cwd(), folder) || "."}\n  npm install && npm start\n  npm test\n`,
    )
  })
