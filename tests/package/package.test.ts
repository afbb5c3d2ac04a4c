/** The package from the outside: packed, installed into a new project, typed under other people's flags, served, migrated, tested. */
import { appendFileSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { createElsewhere, type Elsewhere, ofRepository, type Serving, say, startProject } from "./elsewhere.ts"

let elsewhere: Elsewhere

beforeAll(() => {
  elsewhere = createElsewhere("my-notes")
})
afterAll(() => elsewhere?.remove())

const at = (...path: readonly string[]) => join(elsewhere.project, ...path)

function change(path: string, from: string, to: string): void {
  const text = readFileSync(at(path), "utf8")
  expect(text.split(from)).toHaveLength(2)
  writeFileSync(at(path), text.replace(from, to))
}

describe("what is packed", () => {
  test("is built: no sources, no tests, nothing of development", () => {
    const files = globSync("**/*.*", { cwd: at("node_modules/selvage") })
    expect(files.filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))).toEqual([])
    const folders = new Set(files.map((path) => (path.includes("/") ? path.split("/")[0] : "")))
    expect([...folders].toSorted()).toEqual(["", "assets", "bin", "chunks", "types"])
    const manifest = JSON.parse(readFileSync(at("node_modules/selvage/package.json"), "utf8"))
    expect(manifest).not.toHaveProperty("scripts")
    expect(manifest).not.toHaveProperty("devDependencies")
    expect(Object.keys(manifest.exports)).toEqual([".", "./worker", "./schema"])
  })

  test("is not the repository: npm pack there is refused, with the cure", () => {
    const { status, stderr } = ofRepository("pack", "--dry-run")
    expect(status).not.toBe(0)
    expect(stderr).toContain("npm run pack")
  })
})

describe("npm run create", () => {
  test("names what is deployed after the folder", () => {
    expect(JSON.parse(readFileSync(at("package.json"), "utf8")).name).toBe("my-notes")
    expect(readFileSync(at("wrangler.toml"), "utf8")).toMatch(/^name = "my-notes"$/m)
    expect(existsSync(at(".gitignore"))).toBe(true)
  })

  test("refuses a folder that holds something, and leaves it alone", () => {
    const before = readFileSync(at("package.json"), "utf8")
    const { status, stderr } = ofRepository("run", "-s", "create", "--", elsewhere.project, "--published")
    expect([status, stderr]).toEqual([1, expect.stringContaining("holds something already")])
    expect(readFileSync(at("package.json"), "utf8")).toBe(before)
  })

  test("refuses a name that no Worker can have, and writes nothing", () => {
    const folder = join(elsewhere.folder, "My Notes")
    const { status, stderr } = ofRepository("run", "-s", "create", "--", folder, "--published")
    expect([status, stderr]).toEqual([1, expect.stringContaining('cannot be called "My Notes"')])
    expect(existsSync(folder)).toBe(false)
  })
})

/** Faults of types in a set of files, without places: one line each. */
function faults(files: readonly string[], flags: object): readonly string[] {
  const compilerOptions = { skipLibCheck: false, ...flags }
  const config = { extends: "./tsconfig.json", compilerOptions, include: [], files, exclude: [] }
  writeFileSync(at("tsconfig.trial.json"), JSON.stringify(config))
  const { status, stdout } = say(elsewhere.project, at("node_modules/.bin/tsc"), "-p", "tsconfig.trial.json")
  const lines = stdout.split("\n").filter((line) => /^\S.*error TS/.test(line))
  expect(status === 0).toBe(lines.length === 0)
  return lines
}

describe("types, with the user's flags and every declaration checked", () => {
  const project = ["src/index.ts", "tests/env.d.ts", "tests/notes.test.ts", "tests/setup.ts"]
  const loose = { exactOptionalPropertyTypes: false, noUncheckedIndexedAccess: false, lib: ["es2022"] }
  const strict = {
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    noImplicitOverride: true,
    noImplicitReturns: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    module: "nodenext",
    moduleResolution: "nodenext",
  }

  /** The faults that there are with Selvage and would not be without: drizzle-orm's own declarations do not pass by themselves. */
  function added(flags: object): readonly string[] {
    const packages = [
      "cloudflare:test",
      "cloudflare:workers",
      "drizzle-orm",
      "drizzle-orm/sqlite-core",
      "vitest",
      "zod",
    ]
    writeFileSync(at("without.ts"), packages.map((name) => `import "${name}"\n`).join(""))
    const without = new Set(faults(["without.ts"], flags))
    return faults(project, flags).filter((line) => !without.has(line))
  }

  test("as the project has them", () => {
    elsewhere.script("types")
  })

  test.each([
    ["loose", loose],
    ["strict", strict],
  ])("%s", (_, flags) => {
    expect(added(flags)).toEqual([])
  })

  test("a broken declaration of ours is seen, and a wrong use is refused", () => {
    const path = at("node_modules/selvage/types/worker.d.ts")
    const text = readFileSync(path, "utf8")
    appendFileSync(path, "export declare const broken: Missing\n")
    try {
      expect(added(loose)).toEqual([expect.stringMatching(/selvage\/types\/worker\.d\.ts.*TS2304/)])
    } finally {
      writeFileSync(path, text)
    }
    const wrong = `import { resource } from "selvage"\nimport { noteTable as table } from "./notes.ts"
export const open = resource("open", { table, tenant: "nowhere" })\n`
    writeFileSync(at("src/app/wrong.ts"), wrong)
    const refused = faults(["src/app/wrong.ts"], { skipLibCheck: true })
    expect(refused).not.toEqual([])
    expect(refused.join("\n")).toMatch(/^src\/app\/wrong\.ts/)
    writeFileSync(at("src/app/wrong.ts"), "export {}\n")
  })
})

test("npm run client writes types of the project's own interface, which bind", () => {
  expect(elsewhere.script("client")).toContain("api_pb.js")
  const use = (place: string) =>
    `import type { paths } from "../client/openapi.ts"\nexport type Page = paths["${place}"]["get"]["responses"][200]\n`
  writeFileSync(at("src/use.ts"), use("/v1/notes"))
  expect(
    faults(["src/use.ts", "client/graphql.d.ts"], { allowImportingTsExtensions: true, skipLibCheck: true }),
  ).toEqual([])
  writeFileSync(at("src/use.ts"), use("/v1/nothing"))
  expect(faults(["src/use.ts"], { allowImportingTsExtensions: true, skipLibCheck: true })).toEqual([
    expect.stringMatching(/^src\/use\.ts.*TS2339/),
  ])
  writeFileSync(at("src/use.ts"), "export {}\n")
})

test("what breaks clients is refused in a project, too, until it is promised anew", () => {
  const check = () => say(elsewhere.project, "npm", "run", "-s", "check:breaking")
  expect([check().status, check().stderr]).toEqual([1, expect.stringContaining("There is no api/baseline")])
  elsewhere.script("release:baseline")
  expect(check().status).toBe(0)
  change("src/app/notes.ts", "length: 200", "length: 100")
  expect([check().status, check().stderr]).toEqual([
    1,
    expect.stringContaining("openapi.json: POST /v1/notes body/title: maxLength is 100 instead of 200"),
  ])
  change("src/app/notes.ts", "length: 100", "length: 200")
  expect(check().status).toBe(0)
})

test("npm test is green", () => {
  expect(elsewhere.script("test")).toMatch(/Tests +3 passed/)
})

describe("a changed table", () => {
  test("becomes a migration, which npm run migrate applies", () => {
    elsewhere.script("migrate:check")
    change(
      "src/app/notes.ts",
      "  (table) => [",
      '  (table) => [\n    index("notes_by_due").on(table.ownerId, table.due),',
    )
    change("src/app/notes.ts", "    pinned:", "    due: instant(),\n    pinned:")
    change("src/app/notes.ts", "import { boolean, index,", "import { boolean, index, instant,")
    const stale = say(elsewhere.project, "npm", "run", "-s", "migrate:check")
    expect([stale.status, stale.stderr]).toEqual([1, expect.stringContaining("ADD `due`")])

    expect(elsewhere.script("migrate:new", "add_due")).toContain("migrations/0003_add_due.sql")
    expect(readFileSync(at("migrations/0003_add_due.sql"), "utf8")).toContain("ALTER TABLE `notes` ADD `due` text")
    elsewhere.script("migrate:check")
    expect(say(elsewhere.project, "npm", "run", "-s", "artefacts", "--", "--check").status).toBe(1)
    elsewhere.script("artefacts")
    expect(readFileSync(at("src/app/proto.lock.json"), "utf8")).toContain('"due"')
    expect(elsewhere.script("migrate")).toContain(
      "Applied 0000_initial.sql, 0001_telling.sql, 0002_identities.sql, 0003_add_due.sql",
    )
    expect(elsewhere.script("migrate")).toContain("up to date")
  })

  test("and the database is forgotten by npm run reset", () => {
    expect(existsSync(at(".wrangler/state"))).toBe(true)
    elsewhere.script("reset")
    expect(existsSync(at(".wrangler/state"))).toBe(false)
  })
})

describe("npm start", () => {
  let serving: Serving | undefined

  beforeAll(async () => {
    const stamps = '{ version: 1, createdAt: now.toISOString(), updatedAt: now.toISOString(), status: "active" }'
    const seeds = `import { userTable } from "selvage"
export const seeds = (now: Date) => [{ table: userTable, rows: [
  { id: "user_01kaj700000000000000000000", name: "Ada", email: "ada@example.com", roles: "[]", ...${stamps} },
] }]\n`
    mkdirSync(at("src/app"), { recursive: true })
    writeFileSync(at("src/app/seeds.ts"), seeds)
    serving = await startProject(elsewhere.project)
  })
  afterAll(() => serving?.stop())

  async function call(line: string, token?: string, given?: object) {
    const [method = "GET", path = "/"] = line.split(" ")
    const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) }
    const body = given ? { body: JSON.stringify(given) } : {}
    const response = await fetch(`${serving?.origin}${path}`, { method, headers, ...body })
    const answer = (await response.json()) as Record<string, never>
    return { status: response.status, body: answer }
  }

  async function letterFor(email: string): Promise<string> {
    for (let turn = 0; turn < 100; turn++) {
      const { items } = (await call("GET /dev/mailbox.json")).body as {
        items?: { to: string; action: { token: string } }[]
      }
      const found = items?.find((one) => one.to === email)
      if (found) return found.action.token
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error("No letter came")
  }

  test("serves a note to who signed up and wrote it, and to nobody else", async () => {
    const grace = { email: "grace@example.org", password: "three small ships at sea" }
    expect((await call("POST /v1/auth/sign-up", undefined, { ...grace, name: "Grace" })).status).toBe(202)
    await call("POST /v1/auth/verify-email", undefined, { token: await letterFor(grace.email) })
    const session = await call("POST /v1/auth/sign-in", undefined, grace)
    const token: string = session.body.accessToken ?? ""
    const created = await call("POST /v1/notes", token, { title: "Buy thread", due: "2027-01-01T00:00:00Z" })
    expect(created).toMatchObject({ status: 201, body: { title: "Buy thread", pinned: false } })
    const read = await call(`GET /v1/notes/${created.body.id}`, token)
    expect(read).toMatchObject({ status: 200, body: { title: "Buy thread", due: "2027-01-01T00:00:00.000Z" } })
    expect((await call(`GET /v1/notes/${created.body.id}`)).status).toBe(401)
    const byConnect = await call("POST /notes.v1.NotesService/GetNote", token, { id: created.body.id })
    expect(byConnect).toMatchObject({ status: 200, body: { title: "Buy thread", due: "2027-01-01T00:00:00Z" } })
  })

  test("made the demo people of the project's seeds, with a password that signs in and shows no other's note", async () => {
    const password = elsewhere.script("password", "ada@example.com").trim()
    const session = await call("POST /v1/auth/sign-in", undefined, { email: "ada@example.com", password })
    expect(session.status).toBe(200)
    const listed = await call("GET /v1/notes", session.body.accessToken)
    expect(listed).toMatchObject({ status: 200, body: { items: [] } })
  })

  test("shows the documentation page with the script that the package brings", async () => {
    const page = await (await fetch(`${serving?.origin}/docs`)).text()
    const script = /<script[^>]*src="([^"]+)"/.exec(page)?.[1] ?? ""
    const asset = await fetch(new URL(script, serving?.origin))
    expect([script, asset.status]).toEqual(["/_docs/scalar.js", 200])
    expect((await asset.text()).length).toBeGreaterThan(1_000_000)
  })

  test("printed a code whose holder administers; a second one is made by admin:invite", async () => {
    const code = /"code":"(sv_st_\w+)"/.exec(serving?.printed() ?? "")?.[1]
    const root = { email: "root@example.org", password: "four larger ships at sea", name: "Root" }
    expect((await call("POST /v1/auth/set-up", undefined, { ...root, code })).status).toBe(201)
    await serving?.stop()
    serving = undefined
    expect(elsewhere.script("admin:invite", "--local")).toMatch(/sv_st_\w+/)
  })
})

test("the deployed bundle is made from the package alone", () => {
  const said = say(
    elsewhere.project,
    at("node_modules/.bin/node"),
    at("node_modules/.bin/wrangler"),
    "deploy",
    "--dry-run",
    "--outdir",
    "out",
  )
  expect([said.status, said.stderr]).toEqual([0, expect.not.stringContaining("[ERROR]")])
  const bundle = readFileSync(at("out/index.js"), "utf8")
  expect(bundle).not.toMatch(/(from|import|require)\s*\(?\s*["']node:/)
  expect(globSync("*.wasm", { cwd: at("out") })).toHaveLength(1)
})

test("the commands refuse a folder that is no project, and a command that there is none of", () => {
  const selvage = at("node_modules/.bin/selvage")
  const nowhere = say(elsewhere.folder, at("node_modules/.bin/node"), selvage, "reset")
  expect([nowhere.status, nowhere.stderr]).toEqual([1, expect.stringContaining("it has no wrangler.toml")])
  const unknown = say(elsewhere.project, at("node_modules/.bin/node"), selvage, "toString")
  expect([unknown.status, unknown.stderr]).toEqual([1, expect.stringContaining("selvage COMMAND: start")])
  const [one] = JSON.parse(`[${elsewhere.script("ring")}]`)
  expect(one).toMatchObject({ current: "k1", keys: { k1: expect.stringMatching(/^[\w-]{43}$/) } })
})
