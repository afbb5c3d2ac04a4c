/**
 * Typed clients: `npm run client` writes them, the documented examples type-check with them and work against the Worker, and what the interface has not
 * does not type-check.
 */
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Code } from "@connectrpc/connect"
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest"

const root = join(import.meta.dirname, "../..")
const bin = join(root, "node_modules/.bin")
const origin = inject("origin")
const { ada, nobody } = inject("tokens")
const projectId = inject("projectId")

/** Inside of the repository, so that packages are found. */
let folder: string
beforeAll(() => {
  mkdirSync(join(root, "dist"), { recursive: true })
  folder = mkdtempSync(join(root, "dist/clients-"))
  cpSync(join(root, "examples/clients"), folder, { recursive: true })
  const { status, stderr } = spawnSync(
    join(bin, "node"),
    [join(root, "scripts/client.ts"), "--out", join(folder, "client")],
    { cwd: root, encoding: "utf8" },
  )
  expect([status, stderr]).toEqual([0, ""])
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The faults that tsc finds in files, without those of packages. */
function faultsOf(...files: readonly string[]): readonly string[] {
  const compilerOptions = { types: [], lib: ["es2023", "dom", "dom.iterable"], composite: false, noUnusedLocals: false }
  const config = { extends: "../../tsconfig.json", compilerOptions, include: [], files }
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config))
  const { status, stdout } = spawnSync(join(bin, "tsc"), ["-p", folder], { cwd: folder, encoding: "utf8" })
  const faults = stdout.split("\n").filter((line) => line.includes("error TS"))
  expect(status === 0, stdout).toBe(faults.length === 0)
  return faults
}

const load = (name: string) => import(join(folder, `${name}.ts`))

test("the documented examples type-check", () => {
  expect(faultsOf("rest.ts", "connect.ts", "graphql.ts")).toEqual([])
})

describe("the documented examples work", () => {
  test("openapi-fetch adds a task and lists what is open", async () => {
    const { addAndList } = await load("rest")
    const { id, titles } = await addAndList(origin, ada, projectId)
    expect(id).toMatch(/^task_/)
    expect(titles).toContain("Typed by OpenAPI")
    await expect(addAndList(origin, nobody, projectId)).rejects.toThrow(/^PERMISSION_DENIED/)
  })

  test("connect-web adds a task and completes it, once", async () => {
    const { addAndComplete } = await load("connect")
    expect(await addAndComplete(origin, ada, projectId)).toEqual({ title: "Typed by Protobuf", refused: true })
    await expect(addAndComplete(origin, nobody, projectId)).rejects.toMatchObject({ code: Code.PermissionDenied })
  })

  test("gql.tada reads the tasks of a project, three at most", async () => {
    const { tasksOf } = await load("graphql")
    const tasks = await tasksOf(origin, ada, projectId)
    expect(tasks.length).toBeGreaterThan(0)
    expect(tasks.length).toBeLessThanOrEqual(3)
    expect(tasks[0]).toEqual({ title: expect.any(String), isOpen: expect.any(Boolean) })
  })
})

describe("what the interface has not does not type-check", () => {
  const wrong: readonly (readonly [client: string, of: string, from: string, to: string])[] = [
    ["rest", "a field", "priority: 2 }", "priorty: 2 }"],
    ["rest", "a type", 'title: "Typed by OpenAPI"', "title: 7"],
    ["rest", "a place", 'api.GET("/v1/tasks"', 'api.GET("/v1/task"'],
    ["rest", "a value of a filter", 'status: "open"', 'status: "opened"'],
    ["rest", "a field of an answer", "task.title", "task.heading"],
    ["connect", "a field", "note:", "notes:"],
    ["connect", "a type", "priority: 2", 'priority: "2"'],
    ["connect", "a method", "tasks.createTask", "tasks.makeTask"],
    ["graphql", "a field of an answer", "({ title, status })", "({ heading, status })"],
    ["graphql", "a field of a document", "{ id title status dueAt }", "{ id heading status dueAt }"],
    ["graphql", "a variable", "{ id: projectId, first: 3 }", "{ id: projectId, frist: 3 }"],
    ["graphql", "a value of an enum", 'status !== "DONE"', 'status !== "done"'],
  ]

  test("nowhere, and each fault is found where it stands", () => {
    const files = wrong.map(([client, , from, to], n) => {
      const text = readFileSync(join(folder, `${client}.ts`), "utf8")
      expect(text.split(from), from).toHaveLength(2)
      const name = `wrong-${n}.ts`
      writeFileSync(join(folder, name), text.replace(from, to))
      return name
    })
    const found = new Set(faultsOf(...files).map((line) => line.slice(0, line.indexOf("("))))
    expect([...found].toSorted()).toEqual(files.toSorted())
  })
})
